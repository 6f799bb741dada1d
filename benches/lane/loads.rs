//! Readings at given rates: the echo, the daemons and the bare commits take turns.

use std::time::Duration;

use rumqttc::QoS;

use crate::bare::Commits;
use crate::camera::{Cameras, Form};
use crate::daemon::Daemon;
use crate::figure::put;
use crate::figures::{Figures, fact, head, line};
use crate::{Failures, Outcome};

/// Readings at a given rate, in blocks.
pub struct Load {
    /// Its row in the table of goals, if it has one.
    name: Option<&'static str>,
    pub form: Form,
    pub per_second: u32,
    /// Readings in a block.
    pub block: usize,
    pub blocks: usize,
}

pub const PLAIN: Form = Form {
    qos: QoS::AtMostOnce,
    picture: false,
    special: false,
};
const LOADS: [Load; 7] = [
    Load::slow(Some("open_20"), PLAIN, 8),
    Load::slow(Some("qos1_20"), PLAIN.with_qos_1(), 8),
    Load::fast(Some("open_200"), PLAIN),
    Load::fast(Some("qos1_200"), PLAIN.with_qos_1()),
    Load::fast(None, PLAIN.of_police_cars()),
    Load::fast(None, PLAIN.of_police_cars().with_qos_1()),
    Load::slow(None, PLAIN.with_qos_1().with_picture(), 4),
];

/// Whoever takes turns.
pub struct Turns<'a> {
    pub cameras: &'a mut Cameras,
    pub echo: &'a [String],
    pub disk: &'a Daemon,
    /// The same with its store in memory, where that can be had: what is left is not the disk's.
    pub memory: Option<&'a Daemon>,
    pub commits: Commits,
    /// The cars that the daemon on the disk let in, and whether they are police cars.
    pub inside: Vec<(String, bool)>,
    /// Readings that it answered as late as a delayed acknowledgement would have made it.
    pub delayed: usize,
}

impl Turns<'_> {
    /// All loads, or those whose title holds one of `wanted`.
    pub async fn carry_all(&mut self, wanted: &[String], failures: &mut Failures) -> Outcome<()> {
        println!();
        println!(
            "Event to open command, through Mosquitto; a step is {}",
            self.commits.form()
        );
        let is_wanted = |load: &&Load| {
            let title = load.title();
            wanted.is_empty() || wanted.iter().any(|part| title.contains(part.as_str()))
        };
        for load in LOADS.iter().filter(is_wanted) {
            failures.note(self.carry(load).await);
        }
        put("delayed", self.delayed as f64)?;
        Ok(())
    }

    async fn carry(&mut self, load: &Load) -> Outcome<()> {
        let [mut echo, mut disk, mut memory, mut commits] = <[Figures; 4]>::default();
        for _ in 0..load.blocks {
            echo.add(self.cameras.block(self.echo, load).await?.1);
            let (plates, took) = self.cameras.block(&self.disk.entries(), load).await?;
            disk.add(took);
            let special = load.form.special;
            self.inside
                .extend(plates.into_iter().map(|plate| (plate, special)));
            self.disk.quiet().await?;
            if let Some(daemon) = self.memory {
                memory.add(self.cameras.block(&daemon.entries(), load).await?.1);
                daemon.quiet().await?;
            }
            commits.add(self.commits.block(load).await?);
        }
        self.delayed += disk.delayed() + memory.delayed();
        head(&load.title(), "/ echo");
        line("bare rumqttc echo", &echo, None);
        line("daemon, store on disk", &disk, Some(&echo));
        line("bare commit of the same step", &commits, None);
        if self.memory.is_some() {
            line("daemon, store in memory", &memory, Some(&echo));
        }
        let beyond = disk.p99() - commits.p99();
        if self.memory.is_some() {
            let added = memory.p50() - echo.p50();
            let by_disk = disk.p50() - memory.p50();
            fact("  p50 added without the disk (memory - echo)", added, "us");
            fact("  p50 added by the disk (disk - memory)", by_disk, "us");
            load.put("ratio", memory.p50() / echo.p50())?;
            load.put("added_us", added)?;
        }
        fact("  p99 beyond the commit's (disk - commit)", beyond, "us");
        load.put("disk_ratio", disk.p50() / echo.p50())?;
        load.put("commit_us", commits.p50())?;
        load.put("beyond_us", beyond)
    }
}

impl Load {
    const fn slow(name: Option<&'static str>, form: Form, blocks: usize) -> Self {
        Self {
            name,
            form,
            per_second: 20,
            block: 20,
            blocks,
        }
    }

    const fn fast(name: Option<&'static str>, form: Form) -> Self {
        Self {
            name,
            form,
            per_second: 200,
            block: 100,
            blocks: 4,
        }
    }

    fn title(&self) -> String {
        let Load {
            form, per_second, ..
        } = self;
        let qos = if form.qos == QoS::AtMostOnce { 0 } else { 1 };
        let what = match (form.picture, form.special) {
            (true, _) => ", 300 kB picture",
            (_, true) => ", WeChat not told",
            _ => "",
        };
        format!("QoS {qos}, {per_second}/s{what}")
    }

    /// For QoS 0 the goals ask for the median, for QoS 1 for the tail.
    fn put(&self, what: &str, value: f64) -> Outcome<()> {
        let is_of_tail = what == "beyond_us";
        let asks_for_tail = self.form.qos == QoS::AtLeastOnce;
        if let Some(name) = self.name.filter(|_| is_of_tail == asks_for_tail) {
            put(&format!("{name}_{what}"), value)?;
        }
        Ok(())
    }
}

impl Form {
    pub const fn with_qos_1(self) -> Self {
        Self {
            qos: QoS::AtLeastOnce,
            ..self
        }
    }

    const fn with_picture(self) -> Self {
        Self {
            picture: true,
            ..self
        }
    }

    pub const fn of_police_cars(self) -> Self {
        Self {
            special: true,
            ..self
        }
    }
}

impl Cameras {
    /// Fresh plates, and how long each took.
    async fn block(
        &mut self,
        cameras: &[String],
        load: &Load,
    ) -> Outcome<(Vec<String>, Vec<Duration>)> {
        let plates = self.fresh_plates(load.block, load.form.special);
        let took = self
            .read(cameras, &plates, load.form, load.per_second)
            .await?;
        Ok((plates, took))
    }
}
