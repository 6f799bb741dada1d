//! What is on the box itself: the store, the daemon, cameras and barriers.

use std::path::Path;

use rustix::fs::Access;

use super::Daemon;
use super::finding::Finding;
use super::step::Step;
use crate::bilingual::Both;
use crate::config::{Barrier, Config};
use crate::gate::devices::{BarrierState, CameraState};
use crate::story::archive::Archive;

const MB: u64 = 1 << 20;

/// Whether the store is there, can be written and read, and has room.
pub fn store(config: &Config) -> Vec<Finding> {
    let step = Step::Store;
    let dir = &config.store.path;
    let name = dir.display();
    if !dir.is_dir() {
        return vec![Finding::failed(
            step,
            both!("{name} is not there", "{name} 不存在"),
            both!(
                "make it, owned by the user that runs parkgate, mode 0750; systemd does so by StateDirectory=",
                "请建立该目录，所有者为运行 parkgate 的用户，权限 0750；systemd 可用 StateDirectory= 自动建立"
            ),
        )];
    }
    let mut findings = Vec::new();
    if let Err(error) = rustix::fs::access(dir, Access::WRITE_OK | Access::EXEC_OK) {
        findings.push(Finding::failed(
            step,
            both!("{name} cannot be written: {error}", "无法写入 {name}：{error}"),
            both!(
                "give it to the user that runs parkgate, and see that its disk is not read-only; run this as that \
                 user or as root",
                "请将其所有者改为运行 parkgate 的用户，并确认磁盘不是只读；请以该用户或 root 运行本命令"
            ),
        ));
    }
    findings.push(room(config));
    findings.push(ledger(dir));
    findings
}

fn room(config: &Config) -> Finding {
    let (step, dir) = (Step::Store, &config.store.path);
    let Ok(disk) = rustix::fs::statvfs(dir) else {
        return Finding::cannot_tell(
            step,
            both!(
                "its disk does not say how much room is left",
                "无法得知剩余空间"
            ),
            both!("look with df", "请用 df 查看"),
        );
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize) / MB;
    let least = config.store.low_disk_mb;
    match free >= least {
        true => Finding::passed(step, both!("{free} MiB are free", "剩余 {free} MiB")),
        false => Finding::failed(
            step,
            both!(
                "{free} MiB are free, less than [store] low_disk_mb = {least}",
                "剩余 {free} MiB，低于 [store] low_disk_mb = {least}"
            ),
            both!(
                "free some: logs and other programs' files first",
                "请先清理日志和其他程序的文件"
            ),
        ),
    }
}

fn ledger(store: &Path) -> Finding {
    let step = Step::Store;
    let dir = store.join("ledger");
    if !dir.is_dir() {
        return Finding::passed(
            step,
            both!(
                "no ledger yet; the daemon's first start makes it",
                "尚无账本，守护进程首次启动时建立"
            ),
        );
    }
    match Archive::new(dir).last_seq() {
        Ok(last) => Finding::passed(
            step,
            both!(
                "the ledger is read up to record {last}",
                "账本可读，至第 {last} 条记录"
            ),
        ),
        Err(error) => Finding::failed(
            step,
            both!(
                "the ledger cannot be read: {error}",
                "账本无法读取：{error}"
            ),
            both!(
                "parkgate ledger verify names the damage",
                "请用 parkgate ledger verify 查看损坏之处"
            ),
        ),
    }
}

/// Whether it runs, and what it is alarmed by.
pub fn daemon(daemon: Option<&Daemon>) -> Vec<Finding> {
    let step = Step::Daemon;
    let Some(daemon) = daemon else {
        return vec![Finding::cannot_tell(
            step,
            both!(
                "none answers at the socket, so cameras and barriers are not heard",
                "守护进程未应答，无法得知摄像机和道闸的状态"
            ),
            both!("systemctl start parkgate", "systemctl start parkgate"),
        )];
    };
    let version = daemon.status["version"].as_str().unwrap_or("?");
    let mut findings = vec![Finding::passed(
        step,
        both!("{version} answers", "{version} 在运行"),
    )];
    let alarms = daemon.status["alarms"].as_array().into_iter().flatten();
    findings.extend(alarms.map(|alarm| {
        let text = |name: &str| alarm[name].as_str().unwrap_or_default().to_owned();
        let found = Both::foreign(&text("text"));
        let fix = both!(
            "docs/alarms.md tells what each alarm means",
            "各告警的含义见 docs/alarms.md"
        );
        Finding::failed(step, found, fix).of(text("id"))
    }));
    findings
}

/// As the daemon has heard them; without one, whether their files are there.
pub fn devices(config: &Config, daemon: Option<&Daemon>) -> Vec<Finding> {
    match daemon.and_then(|daemon| daemon.devices.as_ref()) {
        Some(list) => {
            let cameras = list.cameras.iter().map(|camera| {
                let fix = || {
                    both!(
                        "its power, its cable, its broker settings; parkgate capture shows what comes",
                        "请检查电源、网线和 MQTT 设置；parkgate capture 可查看收到的内容"
                    )
                };
                let finding = match camera.state {
                    CameraState::Speaks => Finding::passed(Step::Camera, both!("it speaks", "正常")),
                    CameraState::Silent => {
                        Finding::failed(Step::Camera, both!("it is silent", "无声"), fix())
                    }
                    CameraState::NeverHeard => Finding::cannot_tell(
                        Step::Camera,
                        both!("it was not heard since the start", "启动后尚未收到消息"),
                        fix(),
                    ),
                };
                finding.of(format!("{} {}", camera.lane, camera.id))
            });
            let barriers = list.barriers.iter().map(|barrier| {
                let finding = match (barrier.state, &barrier.last_fault) {
                    (BarrierState::Uncertain, fault) => {
                        let fault = fault.as_deref().unwrap_or("no reply");
                        Finding::failed(
                            Step::Barrier,
                            both!(
                                "nothing proves that it rose: {fault}",
                                "无法证明已起杆：{fault}"
                            ),
                            both!("look at the barrier", "请查看道闸"),
                        )
                    }
                    (BarrierState::NeverRaised, _) => Finding::cannot_tell(
                        Step::Barrier,
                        both!("it was not raised since the start", "启动后尚未起杆"),
                        both!(
                            "raise it once: parkgate lane raise LANE --by NAME --reason test",
                            "请试一次：parkgate lane raise 车道 --by 姓名 --reason 测试"
                        ),
                    ),
                    _ => Finding::passed(Step::Barrier, both!("it rose when told", "正常")),
                };
                finding.of(barrier.lane.clone())
            });
            cameras.chain(barriers).collect()
        }
        None => files(config),
    }
}

/// Serial lines and GPIO chips that the config names.
fn files(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    for lane in &config.lanes {
        let line = lane.camera.text().map(|text| text.line.port.path.as_path());
        findings
            .push(file(Step::Camera, line).of(format!("{} {}", lane.id, lane.camera.device_id)));
        let driver = match &lane.barrier {
            Barrier::Camera { .. } => None,
            Barrier::Gpio(gpio) => Some(gpio.chip.as_path()),
            Barrier::Modbus(modbus) => Some(modbus.port.path.as_path()),
        };
        findings.push(file(Step::Barrier, driver).of(lane.id.clone()));
    }
    findings
}

fn file(step: Step, device: Option<&Path>) -> Finding {
    match device {
        Some(device) if !device.exists() => Finding::failed(
            step,
            both!(
                "{device} is not there",
                "{device} 不存在",
                device = device.display(),
            ),
            both!(
                "plug it in, or correct the config; see ls -l /dev/serial/by-id /dev/gpiochip*",
                "请接好设备或更正配置；可用 ls -l /dev/serial/by-id /dev/gpiochip* 查看"
            ),
        ),
        _ => Finding::cannot_tell(
            step,
            both!("only the daemon hears it", "只有守护进程能听到"),
            both!(
                "start the daemon and run this again",
                "请启动守护进程后再次运行"
            ),
        ),
    }
}
