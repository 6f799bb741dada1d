//! `parkgate run`: the daemon.

use std::process::ExitCode;

use rustix::fs::Mode;
use rustix::process::umask;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::filter::LevelFilter;

use super::{BAD_CONFIG, ConfigArgs, fail, log};
use crate::config::Config;
use crate::gate::{Ended, Gate, Parts};
use crate::health::systemd::Notifier;

/// parkgate itself is at fault; starting again may help.
const BROKEN: u8 = 70;
/// Something outside stands in the way; starting again may help.
const TRY_AGAIN: u8 = 75;

/// Runs until it is told to stop.
pub fn run(args: &ConfigArgs) -> ExitCode {
    let (config, tariff) = match Config::load_with_tariff(&args.config) {
        Ok(loaded) => loaded,
        Err(faults) => return fail(BAD_CONFIG, faults),
    };
    log::to_stderr(log::level(LevelFilter::INFO));
    // What is written from here on holds plates and times, whoever starts the daemon, and however.
    umask(Mode::RWXO | Mode::WGRP);
    // This thread alone: the lanes have their own (`gate/thread.rs`), and what takes long, such as a
    // signature, is done beside it.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(TRY_AGAIN, format!("cannot start: {error}")),
    };
    let code = runtime.block_on(serve(Parts {
        config,
        tariff,
        observer: None,
        notifier: Notifier::from_environment(),
    }));
    // Whatever still hangs ends with the process.
    runtime.shutdown_background();
    code
}

async fn serve(parts: Parts) -> ExitCode {
    let signals = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    );
    let (mut terminate, mut interrupt) = match signals {
        (Ok(terminate), Ok(interrupt)) => (terminate, interrupt),
        (Err(error), _) | (_, Err(error)) => {
            return fail(TRY_AGAIN, format!("cannot listen for signals: {error}"));
        }
    };
    let lanes = parts.config.lanes.len();
    let mut gate = match Gate::start(parts).await {
        Ok(gate) => gate,
        Err(error) => return fail(TRY_AGAIN, crate::causes::told(&error)),
    };
    tracing::info!(version = env!("CARGO_PKG_VERSION"), lanes, "serving");
    tokio::select! {
        () = any(&mut terminate, &mut interrupt) => tracing::info!("stopping"),
        () = gate.ended() => {}
    }
    match gate.stop().await {
        Ended::Stopped => ExitCode::SUCCESS,
        Ended::RestartWanted => ExitCode::from(TRY_AGAIN),
        Ended::Broken => ExitCode::from(BROKEN),
    }
}

async fn any(a: &mut Signal, b: &mut Signal) {
    tokio::select! {
        _ = a.recv() => {}
        _ = b.recv() => {}
    }
}
