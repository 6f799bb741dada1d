//! The command line beside a daemon.

use std::process::Output;

use crate::bench::{Bench, Setup};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_tells_by_its_exit_code_what_came_of_it() {
    let bench = Bench::prepare(Setup::default()).await;
    let raise = |lane| ["lane", "raise", lane, "--by", "王芳", "--reason", "试"];
    let output = bench.place.ask(&raise("in-1")).await;
    assert_eq!(output.status.code(), Some(69), "no daemon: {output:?}");
    assert!(said_in_error(&output).contains("is it running"));

    let daemon = bench.daemon().await;
    let output = bench.place.ask(&raise("in-7")).await;
    assert_eq!(output.status.code(), Some(1), "no such lane: {output:?}");
    assert!(said_in_error(&output).contains("in-7"));
    assert_eq!(bench.entry().pulses(), 0);

    let output = bench.place.ask(&raise("in-1")).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    bench.entry().raised_after(0).await;

    for (arguments, says) in [
        (&["status"][..], "cars inside      0"),
        (&["review", "list"], "nothing waits for a person"),
        (&["review", "list", "--json"], "\"held\":[]"),
    ] {
        let output = bench.place.ask(arguments).await;
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains(says), "{said}");
    }
    daemon.stop().await;
}

fn said_in_error(output: &Output) -> String {
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}
