//! What no camera should send.

use parkgate::sim::random::SplitMix64;
use tokio::time::sleep;

use crate::accounts::assert_balanced;
use crate::bench::{Bench, FEE, Setup};
use crate::camera::Camera;
use crate::stay;

const NAMES: [&str; 8] = [
    "ivs_result",
    "quick_ivs_result",
    "keep_alive",
    "gpio_in",
    "serial_data",
    "barr_gate_status",
    "offline_record",
    "nobody_knows_this",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rubbish_costs_only_itself() {
    let (bench, daemon) = Bench::start(Setup::default()).await;
    let mut random = SplitMix64::new(7, "rubbish");
    for camera in [bench.entry(), bench.exit()] {
        talk_rubbish(camera, &mut random).await;
    }
    let mut gbk = bench.entry().reading("");
    gbk.license = vec![0xd4, 0xc1, b'B', b'6', b'1', b'0', b'0', b'1'];
    bench.entry().send(&gbk).await;
    bench.entry().raised_after(0).await;
    bench.entry().cross().await;
    sleep(stay::CHARGED).await;
    bench.exit().pass("粤B61001").await;
    let status = bench.filed(0).await;
    assert_eq!(status["cars_inside"], 0, "{status}");
    assert_eq!((bench.entry().pulses(), bench.exit().pulses()), (1, 1));
    assert_eq!(bench.wechat.books().accepted_fen(), FEE);
    assert_balanced(&bench, &status);
    assert!(!bench.place.log().contains("panicked"));
    daemon.stop().await;
}

async fn talk_rubbish(camera: &Camera, random: &mut SplitMix64) {
    let reading = String::from_utf8(
        camera
            .reading("粤B61002")
            .message(camera.serial(), "ivs_result"),
    );
    let reading = reading.unwrap();
    let license = |text: &str| {
        let mut message: serde_json::Value = serde_json::from_str(&reading).unwrap();
        let result = &mut message["payload"]["AlarmInfoPlate"]["result"]["PlateResult"];
        result["license"] = text.into();
        result["plates"] = serde_json::Value::Null;
        message.to_string()
    };
    let texts = [
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        "{\"payload\":".to_owned(),
        "[".repeat(100_000),
        format!("{{\"payload\":{}1{}}}", "{\"body\":".repeat(500), "}".repeat(500)),
        reading.chars().take(400).collect(),
        r#"{"payload":{"AlarmInfoPlate":[1,2],"body":"x"},"timestamp":{}}"#.to_owned(),
        r#"{"timestamp":1e400,"payload":{"body":{"offline_record":-1}}}"#.to_owned(),
        r#"{"payload":{"body":{"AlarmGioIn":{"result":{"TriggerResult":{"source":-7,"value":"?"}}}}}}"#
            .to_owned(),
        license("!!!! not base64 !!!!"),
        license("/////w=="),
        license(""),
        license(&"A".repeat(1000)),
    ];
    for name in NAMES {
        for text in &texts {
            camera.say(name, text.clone().into_bytes(), false).await;
        }
        for _ in 0..10 {
            let length = usize::try_from(random.below(2000)).unwrap();
            let bytes = (0..length)
                .map(|_| random.next_u64().to_le_bytes()[0])
                .collect();
            camera.say(name, bytes, false).await;
        }
    }
    for topic in ["device/nobody/message/up/ivs_result", "a/b", "device"] {
        camera
            .publish(topic.to_owned(), reading.clone().into_bytes(), false)
            .await;
    }
    for id in [
        "",
        "x",
        "0000000000-1-1",
        "0000000000-99999999999999999999-1",
    ] {
        let topic = format!("device/{}/message/down/gpio_out/reply", camera.serial());
        let message = format!(r#"{{"id":"{id}","code":200}}"#);
        camera.publish(topic, message.into_bytes(), false).await;
    }
}
