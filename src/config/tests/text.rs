//! Cameras that speak text over a serial line.

use super::super::lane::Dialect;
use super::super::*;
use super::{SHORTEST, faults_of};
use crate::serial::Parity;

const PORT: &str = "port = \"/dev/serial/by-id/a\"";

/// The first lane with a text camera of these keys. What moves its arm is not the matter here.
fn camera(keys: &str) -> TextCamera {
    let text = SHORTEST.replace(
        "dialect = \"vz-mqtt\", device_id = \"265E1040-85E01FB7\"",
        &format!("dialect = \"text\", {keys}"),
    );
    let (config, faults, _) = Document::read_all("parkgate.toml", &text, Config::read);
    let of_camera: Vec<String> = faults
        .iter()
        .map(ToString::to_string)
        .filter(|fault| !fault.contains("has no relay"))
        .collect();
    assert_eq!(of_camera, Vec::<String>::new());
    match &config.unwrap().lanes[0].camera.dialect {
        Dialect::Text(text) => *text.clone(),
        Dialect::VzMqtt => panic!("a text camera"),
    }
}

#[test]
fn a_port_is_enough() {
    let camera = camera(PORT);
    assert_eq!(camera.camera_id(), "/dev/serial/by-id/a");
    assert_eq!(
        (camera.line.port.baud, camera.line.port.stop_bits),
        (9600, 1)
    );
    assert_eq!(
        (camera.line.port.parity, camera.line.rs485),
        (Parity::None, false)
    );
    assert_eq!((camera.pattern, camera.query), (None, None));
    assert_eq!(camera.confidence_max, 100);
    assert_eq!(camera.silent_after_ms, None);
}

#[test]
fn every_key_is_taken() {
    let camera = camera(&format!(
        "{PORT}, baud = 115200, parity = \"even\", stop_bits = 2, rs485 = true, \
         pattern = '(?<lane>\\d) (?<plate>\\S+)', confidence_max = 255, address = \"2\", \
         query = \"\\u0002R\\r\", query_every = \"500ms\", silent_after = \"30s\""
    ));
    assert_eq!(camera.camera_id(), "/dev/serial/by-id/a#2");
    assert_eq!(
        (camera.line.port.baud, camera.line.port.stop_bits),
        (115_200, 2)
    );
    assert_eq!(
        (camera.line.port.parity, camera.line.rs485),
        (Parity::Even, true)
    );
    let query = camera.query.clone().unwrap();
    assert_eq!(query.text.as_deref(), Some("\u{2}R\r"));
    assert_eq!(query.every_ms, 500);
    assert_eq!(camera.silent_after_ms, Some(30_000));
    let json = serde_json::to_string(&camera).unwrap();
    assert_eq!(serde_json::from_str::<TextCamera>(&json).unwrap(), camera);
}

/// Each is the only fault of a lane whose barrier hangs elsewhere.
#[test]
fn each_fault_says_what_to_write() {
    for (keys, fault) in [
        (
            "baud = 9600",
            "camera.port: missing; write port = \"/dev/serial/by-id/…\"",
        ),
        (
            "port = \"ttyUSB0\"",
            "camera.port: no absolute path; write the file's full name, from / on",
        ),
        (
            "port = \"/p\", device_id = \"a\"",
            "camera.device_id: belongs to dialect = \"vz-mqtt\"; leave it out, the port names the camera",
        ),
        (
            "port = \"/p\", baud = 50",
            "camera.baud: 50 is out of range; write a whole number from 300 to 4000000",
        ),
        (
            "port = \"/p\", parity = \"odd \"",
            "camera.parity: \"odd \" is unknown; write \"odd\"",
        ),
        (
            "port = \"/p\", pattern = '(.*)'",
            "camera.pattern: names no plate; write (?<plate>…) around its characters",
        ),
        (
            "port = \"/p\", query = \"R\", query_every = \"1s\"",
            "camera.query: the sentence without a pattern has its own question; leave query out, query_every suffices",
        ),
        (
            "port = \"/p\", pattern = '(?<plate>.)', query = \"R\"",
            "camera.query: is never sent; add query_every = \"1s\"",
        ),
        (
            "port = \"/p\", pattern = '(?<plate>.)', query_every = \"1s\"",
            "camera.query_every: asks nothing; add query = \"…\"",
        ),
        (
            "port = \"/p\", pattern = '(?<plate>.)', address = \"1\"",
            "camera.address: the pattern does not say where an address stands; add (?<lane>…) to it, or leave address out",
        ),
        (
            "port = \"/p\", address = \"a b\"",
            "camera.address: \"a b\" is no address; write 1 to 16 of 0-9 A-Z a-z - _",
        ),
    ] {
        only(&lane("x", keys, ELSEWHERE), fault);
    }
}

#[test]
fn a_camera_without_relay_and_inputs_drives_nothing() {
    only(
        &lane("x", PORT, "barrier = { driver = \"camera\" }"),
        "barrier.driver: a camera that speaks text has no relay; write driver = \"gpio\" or \"modbus\"",
    );
    only(
        &lane(
            "x",
            PORT,
            &format!("{ELSEWHERE}\nloops = {{ closing_input = 1 }}"),
        ),
        "loops.closing_input: a camera that speaks text has no inputs; leave it out",
    );
}

#[test]
fn keys_of_a_serial_line_have_no_meaning_elsewhere() {
    let text = "[[lane]]\nid = \"x\"\ndirection = \"exit\"\nbarrier = { driver = \"camera\" }\n\
                camera = { dialect = \"vz-mqtt\", device_id = \"b\", baud = 9600 }\n";
    only(
        text,
        "camera.baud: belongs to dialect = \"text\"; leave it out",
    );
}

#[test]
fn a_port_has_one_user_or_says_who_speaks() {
    let first = |keys: &str| lane("a", &format!("{PORT}, {keys}"), ELSEWHERE);
    let beside = ELSEWHERE.replace("line = 1", "line = 2");
    let second = |keys: &str| lane("b", &format!("{PORT}, {keys}"), &beside);
    let both = |one: &str, two: &str| first(one) + &second(two);
    only(
        &both("address = \"1\"", "address = \"1\""),
        "camera.address: is the address of lane \"a\"'s camera; write another one",
    );
    for (one, two) in [
        ("address = \"1\"", "baud = 9600"),
        ("baud = 9600", "address = \"1\""),
    ] {
        only(
            &both(one, two),
            "camera.port: lane \"a\" has a camera on this port, and nothing tells the two apart; give each an address",
        );
    }
    only(
        &both("address = \"1\"", "address = \"2\", baud = 19200"),
        "camera.port: lane \"a\" opens this port with other settings; write the same baud, parity, stop_bits, rs485, pattern and confidence_max in both",
    );
    let right = both("address = \"1\"", "address = \"2\"");
    let faults = faults_of(&format!("{SHORTEST}\n{right}"));
    assert!(!faults.contains("camera."), "{faults}");
}

#[test]
fn a_port_is_not_shared_with_a_barrier() {
    let board = "barrier = { driver = \"modbus\", port = \"/dev/serial/by-id/a\", coil = 0 }";
    only(
        &lane("x", PORT, board),
        "camera.port: is the port of lane \"x\"'s barrier; a port has one user, give the camera one of its own",
    );
    let other = "[[lane]]\nid = \"y\"\ndirection = \"exit\"\n\
                 camera = { dialect = \"vz-mqtt\", device_id = \"b\" }\n";
    only(
        &(lane("x", PORT, ELSEWHERE) + other + board + "\n"),
        "barrier.port: is the port of lane \"x\"'s camera; a port has one user, give the barrier one of its own",
    );
}

/// A barrier that does not hang on the camera.
const ELSEWHERE: &str = "barrier = { driver = \"gpio\", chip = \"/dev/gpiochip0\", line = 1 }";

fn lane(id: &str, keys: &str, more: &str) -> String {
    format!(
        "[[lane]]\nid = \"{id}\"\ndirection = \"exit\"\ncamera = {{ dialect = \"text\", {keys} }}\n{more}\n"
    )
}

/// What is added to a right config makes this fault, and none other but what concerns the barrier's
/// own driver.
fn only(added: &str, fault: &str) {
    let faults = faults_of(&format!("{SHORTEST}\n{added}"));
    let lines: Vec<&str> = faults
        .lines()
        .filter(|line| line.contains("[[lane]]"))
        .filter(|line| !line.contains("is not in this version"))
        .collect();
    assert_eq!(lines.len(), 1, "{added}\n{faults}");
    assert!(
        lines[0].ends_with(&format!("[[lane]] {fault}")),
        "{faults}\n{fault}"
    );
}
