use super::super::*;
use super::{SHORTEST, faults_of};
use crate::barrier::gpio::LineName;
use crate::serial::{Parity, PortSettings};

const CAMERA: &str = r#"{ driver = "camera" }"#;
const GPIO: &str = r#"{ driver = "gpio", chip = "/dev/gpiochip0", line = "BARRIER_OUT1" }"#;
const MODBUS: &str = r#"{ driver = "modbus", port = "/dev/serial/by-id/usb-1" }"#;

#[test]
fn a_line_needs_a_chip_and_a_name_or_number() {
    let Barrier::Gpio(gpio) = barrier(GPIO) else {
        panic!("no line")
    };
    let left_out = Gpio {
        chip: "/dev/gpiochip0".into(),
        line: LineName::Name("BARRIER_OUT1".into()),
        active_low: false,
        pulse_ms: 500,
        arm_up_line: None,
        arm_up_active_low: false,
        loop_line: None,
        loop_active_low: false,
        debounce_ms: 20,
    };
    assert_eq!(gpio, left_out);
    let Barrier::Gpio(gpio) = barrier(
        r#"{ driver = "gpio", chip = "/dev/gpiochip1", line = 17, active = "low", pulse = "1s",
             arm_up_line = "UP", loop_line = 0, loop_active = "low", debounce = "50ms" }"#,
    ) else {
        panic!("no line")
    };
    assert_eq!(gpio.line, LineName::Offset(17));
    assert_eq!(gpio.loop_line, Some(LineName::Offset(0)));
    assert_eq!((gpio.pulse_ms, gpio.debounce_ms), (1000, 50));
    assert!(gpio.active_low && gpio.loop_active_low && !gpio.arm_up_active_low);
}

#[test]
fn a_relay_needs_no_more_than_its_port() {
    let Barrier::Modbus(modbus) = barrier(MODBUS) else {
        panic!("no relay")
    };
    let port = PortSettings {
        path: "/dev/serial/by-id/usb-1".into(),
        baud: 9600,
        parity: Parity::None,
        stop_bits: 1,
    };
    assert_eq!(modbus.port, port);
    assert_eq!((modbus.unit, modbus.coil, modbus.pulse_ms), (1, 0, 500));
}

#[test]
fn barriers_survive_the_ledger() {
    for written in [CAMERA, GPIO, MODBUS, &GPIO.replace("\"BARRIER_OUT1\"", "3")] {
        let config = Config::parse(&one(written), "").unwrap();
        let read: Config = serde_json::from_value(config.to_json()).unwrap();
        assert_eq!(read, config);
    }
}

#[test]
fn each_fault_says_what_to_write() {
    for (written, fault) in [
        (
            r#"{ driver = "gpoi" }"#,
            "barrier.driver: \"gpoi\" is unknown; write \"gpio\"",
        ),
        (
            r#"{ output = 1 }"#,
            "barrier.driver: missing; write driver = …, \"camera\", \"gpio\", \"modbus\"",
        ),
        (
            r#"{ driver = "camera", coil = 0 }"#,
            "barrier.coil: unknown key; known here: driver, pulse, output",
        ),
        (
            r#"{ driver = "gpio", line = 3 }"#,
            "barrier.chip: missing; write chip = …, absolute path",
        ),
        (
            r#"{ driver = "gpio", chip = "gpiochip0", line = 3 }"#,
            "barrier.chip: no absolute path; write the file's full name, from / on",
        ),
        (
            r#"{ driver = "gpio", chip = "/dev/gpiochip0", line = "3" }"#,
            "barrier.line: \"3\" is a number in quotes; write 3 for a number, or the line's name",
        ),
        (
            r#"{ driver = "gpio", chip = "/dev/gpiochip0", line = -3 }"#,
            "barrier.line: -3 is no line; write its number on the chip, from 0",
        ),
        (
            r#"{ driver = "gpio", chip = "/dev/gpiochip0", line = "" }"#,
            "barrier.line: \"\" is no name of a line; `gpioinfo` shows them",
        ),
        (
            r#"{ driver = "gpio", chip = "/dev/gpiochip0", line = true }"#,
            "barrier.line: found true or false; write the line's name in quotes, or its number without",
        ),
        (
            r#"{ driver = "gpio", chip = "/dev/gpiochip0", line = 3, loop_line = 3 }"#,
            "barrier.loop_line: line 3 is line already; write another line",
        ),
        (
            r#"{ driver = "gpio", chip = "/dev/gpiochip0", line = 3, loop_active = "low" }"#,
            "barrier.loop_active: of no line; add loop_line = …, or leave it out",
        ),
        (
            r#"{ driver = "modbus" }"#,
            "barrier.port: missing; write port = …, absolute path",
        ),
        (
            r#"{ driver = "modbus", port = "/dev/ttyS1", unit = 0 }"#,
            "barrier.unit: 0 is out of range; write a whole number from 1 to 247",
        ),
        (
            r#"{ driver = "modbus", port = "/dev/ttyS1", parity = "mark" }"#,
            "barrier.parity: \"mark\" is unknown; write \"none\" or \"even\" or \"odd\"",
        ),
    ] {
        only(&one(written), fault);
    }
}

#[test]
fn two_lanes_share_a_port_and_nothing_else() {
    let ttys1 = |more: &str| format!("{{ driver = \"modbus\", port = \"/dev/ttyS1\"{more} }}");
    let right = two(&ttys1(""), &ttys1(", coil = 1"));
    assert_eq!(faults_of(&right), "no faults");
    let right = two(&ttys1(""), &ttys1(", unit = 2"));
    assert_eq!(faults_of(&right), "no faults");
    let right = two(&ttys1(", baud = 19200"), MODBUS);
    assert_eq!(faults_of(&right), "no faults");
    for (more, fault) in [
        (
            "",
            "barrier.coil: coil 0 of unit 1 is the relay of lane \"in-1\" already; write another coil or unit",
        ),
        (
            ", coil = 1, baud = 19200",
            "barrier.baud: lane \"in-1\" opens this port with 9600, and a port has one setting; write baud = 9600",
        ),
        (
            ", coil = 1, parity = \"even\"",
            "barrier.parity: lane \"in-1\" opens this port with \"none\", and a port has one setting; write parity = \"none\"",
        ),
        (
            ", coil = 1, stop_bits = 2",
            "barrier.stop_bits: lane \"in-1\" opens this port with 1, and a port has one setting; write stop_bits = 1",
        ),
    ] {
        only(&two(&ttys1(""), &ttys1(more)), fault);
    }
}

#[test]
fn two_lanes_have_no_line_in_common() {
    let other = GPIO.replace("BARRIER_OUT1", "BARRIER_OUT2");
    assert_eq!(faults_of(&two(GPIO, &other)), "no faults");
    let other_chip = GPIO.replace("gpiochip0", "gpiochip1");
    assert_eq!(faults_of(&two(GPIO, &other_chip)), "no faults");
    only(
        &two(GPIO, GPIO),
        "barrier.line: line BARRIER_OUT1 of this chip is lane \"in-1\"'s already; write another line",
    );
    let loop_line = "line = 4, loop_line = \"BARRIER_OUT1\"";
    only(
        &two(GPIO, &GPIO.replace("line = \"BARRIER_OUT1\"", loop_line)),
        "barrier.loop_line: line BARRIER_OUT1 of this chip is lane \"in-1\"'s already; write another line",
    );
}

#[test]
fn a_loop_is_wired_to_one_input() {
    let with_loop = GPIO.replace(" }", ", loop_line = 2 }");
    let text = format!("{}loops = {{ closing_input = 1 }}\n", one(&with_loop));
    only(
        &text,
        "barrier.loop_line: the loop under the arm is camera input 1 already; leave one of the two out",
    );
    let text = format!("{}loops = {{ arming_input = 1 }}\n", one(&with_loop));
    assert_eq!(faults_of(&text), "no faults");
}

fn barrier(written: &str) -> Barrier {
    let config = Config::parse(&one(written), "parkgate.toml").unwrap_or_else(|f| panic!("{f}"));
    config.lanes[0].barrier.clone()
}

fn one(barrier: &str) -> String {
    SHORTEST.replace(CAMERA, &barrier.replace('\n', " "))
}

fn two(first: &str, second: &str) -> String {
    format!(
        "{}[[lane]]\nid = \"out-1\"\ndirection = \"exit\"\n\
         camera = {{ dialect = \"vz-mqtt\", device_id = \"b\" }}\nbarrier = {second}\n",
        one(first)
    )
}

fn only(text: &str, fault: &str) {
    let faults = faults_of(text);
    let lines: Vec<&str> = faults.lines().collect();
    assert_eq!(lines.len(), 2, "{text}\n{faults}");
    assert!(
        lines[0].ends_with(&format!(": [[lane]] {fault}")),
        "{faults}\n{fault}"
    );
}
