//! One connection of the cameras, from CONNECT to its end. Commands are written to its socket directly,
//! at the last moment that decides whether they are still wanted, and before anything else: a message
//! is acknowledged together with the command that it led to, or when it led to none.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::{
    ConnectionError, Event, Packet, PubAck, Publish, QoS, Request, Subscribe, SubscribeFilter,
    SubscribeReasonCode,
};
use tokio::sync::{mpsc, watch};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

use super::link::{Order, Shared, is_serial};
use super::{LinkEvent, LinkFault, NotSent, Settings};
use crate::broker::{Connection, WRITE_WITHIN};
use crate::camera::vz_mqtt::{Kind, Layout, Topic, decode};
use crate::lane::time::Moment;

/// Larger commands are refused. rumqttc ends the connection over them.
pub(super) const COMMAND_BYTES_MAX: usize = 64 * 1024;

/// Larger packets end the connection. Readings with pictures reach about 1 MB.
const INCOMING_BYTES_MAX: usize = 16 * 1024 * 1024;
const OUTGOING_BYTES_MAX: usize = 2 * COMMAND_BYTES_MAX;
const SUBACK_WITHIN: Duration = Duration::from_secs(5);
const CAMERAS_PER_SUBSCRIBE: usize = 16;

/// Which topic layouts to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layouts {
    All,
    /// Some brokers throw a client out that asks for a topic in `$`.
    WithoutDollar,
}

/// How a connection ended.
pub(super) struct Ended {
    pub fault: LinkFault,
    /// How long it was up, if it ever was.
    pub up_ms: Option<u64>,
    /// It ended over the filters in `$`.
    pub dollar_unwelcome: bool,
}

impl Ended {
    /// Before it began.
    pub fn over(fault: LinkFault) -> Self {
        Self {
            fault,
            up_ms: None,
            dollar_unwelcome: false,
        }
    }
}

/// Runs one connection to its end.
pub(super) async fn run(
    shared: Arc<Shared>,
    layouts: Layouts,
    stopped: watch::Receiver<bool>,
) -> Ended {
    let connection = match connection(&shared.settings) {
        Ok(connection) => connection,
        Err(fault) => return Ended::over(fault),
    };
    let mut session = Session {
        connection,
        shared,
        stopped,
        orders: None,
        unacknowledged: Vec::new(),
        unasked: Vec::new(),
        asked: BTreeMap::new(),
        granted: Vec::new(),
        refused: Vec::new(),
        up_since: None,
    };
    let Err(fault) = session.live(layouts).await;
    session.give_back_orders();
    let up_ms = session
        .up_since
        .map(|since| session.shared.clock.now().moment.since_ms(since));
    let lost = matches!(fault, LinkFault::Lost { .. });
    let dollar_unwelcome = lost && session.only_dollar_asked();
    if dollar_unwelcome {
        let unanswered = session.asked.into_values().flatten();
        let refused: Vec<String> = unanswered.collect();
        session.shared.answered(&[], &refused);
    }
    Ended {
        fault,
        up_ms,
        dollar_unwelcome,
    }
}

struct Session {
    shared: Arc<Shared>,
    connection: Connection,
    stopped: watch::Receiver<bool>,
    /// Commands, while up.
    orders: Option<mpsc::Receiver<Order>>,
    /// Packet ids of messages that were delivered.
    unacknowledged: Vec<u16>,
    /// Filters not yet asked for, one SUBSCRIBE each.
    unasked: Vec<Vec<String>>,
    /// Filters without an answer, by packet id.
    asked: BTreeMap<u16, Vec<String>>,
    granted: Vec<String>,
    refused: Vec<String>,
    up_since: Option<Moment>,
}

impl Session {
    async fn live(&mut self, layouts: Layouts) -> Result<Infallible, LinkFault> {
        self.connect().await?;
        self.unasked = filters(&self.shared.settings.cameras, layouts);
        if layouts == Layouts::All && !self.unasked.is_empty() {
            // Alone and first: if the connection ends over them, it is known why.
            let dollar = self.unasked.remove(0);
            self.subscribe(dollar).await?;
        }
        let answers_until = Instant::now() + SUBACK_WITHIN;
        loop {
            if self.asked.is_empty() {
                for filters in std::mem::take(&mut self.unasked) {
                    self.subscribe(filters).await?;
                }
            }
            if self.asked.is_empty() && self.up_since.is_none() {
                self.up()?;
            }
            let up = self.up_since.is_some();
            let owes_acknowledgements = !self.unacknowledged.is_empty();
            let next = tokio::select! {
                biased;
                order = next_order(&mut self.orders) => Next::Order(order),
                () = stop(&mut self.stopped) => Next::Stop,
                () = sleep_until(answers_until), if !up => Next::NoAnswer,
                event = self.connection.poll() => Next::Event(Box::new(event)),
                // At the gate, who decides is a task of the same thread and has its turn first.
                () = yield_now(), if owes_acknowledgements => Next::Acknowledge,
            };
            match next {
                Next::Order(order) => self.carry_out(order).await?,
                Next::Event(event) => self.handle(*event)?,
                Next::Acknowledge => {
                    let acknowledgements = self.acknowledgements();
                    self.connection
                        .write(acknowledgements, WRITE_WITHIN)
                        .await?;
                }
                Next::NoAnswer => {
                    return Err(LinkFault::Silent {
                        question: "the subscriptions",
                    });
                }
                Next::Stop => {
                    // The connection ends either way.
                    let _ = self
                        .connection
                        .write([Packet::Disconnect], WRITE_WITHIN)
                        .await;
                    return Err(LinkFault::Closed);
                }
            }
        }
    }

    async fn connect(&mut self) -> Result<(), LinkFault> {
        tokio::select! {
            () = stop(&mut self.stopped) => Err(LinkFault::Closed),
            connected = self.connection.connect() => connected,
        }
    }

    async fn subscribe(&mut self, filters: Vec<String>) -> Result<(), LinkFault> {
        let wanted = filters
            .iter()
            .map(|filter| SubscribeFilter::new(filter.clone(), QoS::AtLeastOnce));
        let request = Request::Subscribe(Subscribe::new_many(wanted));
        let id = self.connection.ask(request).await?;
        self.asked.insert(id, filters);
        Ok(())
    }

    fn up(&mut self) -> Result<(), LinkFault> {
        self.shared.answered(&self.granted, &self.refused);
        if self.granted.is_empty() {
            return Err(LinkFault::NothingSubscribed);
        }
        self.up_since = Some(self.shared.clock.now().moment);
        self.orders = Some(self.shared.open());
        tracing::info!(
            filters = self.granted.len(),
            "connected to the cameras' broker"
        );
        self.shared.tell(LinkEvent::Up);
        Ok(())
    }

    fn handle(&mut self, event: Result<Event, ConnectionError>) -> Result<(), LinkFault> {
        match event {
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                self.deliver(&publish);
                if publish.qos != QoS::AtMostOnce {
                    self.unacknowledged.push(publish.pkid);
                }
                Ok(())
            }
            Ok(Event::Incoming(Packet::SubAck(answer))) => {
                let filters = self.asked.remove(&answer.pkid).unwrap_or_default();
                let mut codes = answer.return_codes.into_iter();
                for filter in filters {
                    match codes.next() {
                        Some(SubscribeReasonCode::Success(_)) => self.granted.push(filter),
                        Some(SubscribeReasonCode::Failure) | None => self.refused.push(filter),
                    }
                }
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(error) => {
                // What was read in one go with the fault, and before it.
                for event in self.connection.read_before_the_end() {
                    if let Event::Incoming(Packet::Publish(publish)) = event {
                        self.deliver(&publish);
                    }
                }
                Err(self.connection.fault(&error))
            }
        }
    }

    fn deliver(&self, publish: &Publish) {
        if let Some(topic) = Topic::parse(&publish.topic)
            && !matches!(topic.kind, Kind::Down(_))
        {
            self.shared.hear(&topic);
        }
        let now = self.shared.clock.now();
        let event = decode(&publish.topic, &publish.payload, publish.retain, now);
        self.shared.tell(LinkEvent::Camera(event));
    }

    /// Writes a command if it is still wanted. If the socket does not take it while it is, the
    /// connection ends: half a command must not be completed later.
    async fn carry_out(&mut self, order: Order) -> Result<(), LinkFault> {
        let now = self.shared.clock.now().moment;
        if now > order.valid_until {
            self.give_back(order.command_id, NotSent::Expired);
            return Ok(());
        }
        let left = Duration::from_millis(order.valid_until.since_ms(now));
        let packet = Packet::Publish(Publish::new(
            order.message.topic,
            QoS::AtMostOnce,
            order.message.payload,
        ));
        let packets = iter::once(packet).chain(self.acknowledgements());
        let within = left.min(WRITE_WITHIN);
        let written = self.connection.write(packets, within).await;
        if written.is_err() {
            self.give_back(order.command_id, NotSent::Down);
        }
        written
    }

    /// What is owed; it is owed no more.
    fn acknowledgements(&mut self) -> impl Iterator<Item = Packet> + use<> {
        let ids = std::mem::take(&mut self.unacknowledged);
        ids.into_iter().map(|id| Packet::PubAck(PubAck::new(id)))
    }

    fn give_back_orders(&mut self) {
        self.shared.close();
        let Some(mut orders) = self.orders.take() else {
            return;
        };
        while let Ok(order) = orders.try_recv() {
            self.give_back(order.command_id, NotSent::Down);
        }
    }

    fn give_back(&self, command_id: String, reason: NotSent) {
        self.shared
            .tell(LinkEvent::NotWritten { command_id, reason });
    }

    fn only_dollar_asked(&self) -> bool {
        let mut asked = self.asked.values().flatten().peekable();
        asked.peek().is_some() && asked.all(|filter| filter.starts_with('$'))
    }
}

enum Next {
    Order(Order),
    Event(Box<Result<Event, ConnectionError>>),
    Acknowledge,
    NoAnswer,
    Stop,
}

/// Waits until the link is closed or dropped.
async fn stop(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}

/// The next command; never, while there is no way for commands.
fn next_order(orders: &mut Option<mpsc::Receiver<Order>>) -> impl Future<Output = Order> {
    std::future::poll_fn(move |context| {
        let Some(orders) = orders else {
            return std::task::Poll::Pending;
        };
        match orders.poll_recv(context) {
            std::task::Poll::Ready(Some(order)) => std::task::Poll::Ready(order),
            // The link is being closed; `stopped` says so too.
            std::task::Poll::Ready(None) | std::task::Poll::Pending => std::task::Poll::Pending,
        }
    })
}

pub(super) fn connection(settings: &Settings) -> Result<Connection, LinkFault> {
    Connection::new(&settings.endpoint, &settings.client_id, |options| {
        options.set_max_packet_size(INCOMING_BYTES_MAX, OUTGOING_BYTES_MAX);
    })
}

/// The filters to ask for, one SUBSCRIBE each, those in `$` first.
fn filters(cameras: &[String], layouts: Layouts) -> Vec<Vec<String>> {
    let serials = spellings(cameras);
    let of = |serials: &[String], layouts: &[Layout]| -> Vec<String> {
        serials
            .iter()
            .flat_map(|serial| layouts.iter().flat_map(|layout| layout.filters(serial)))
            .collect()
    };
    let dollar = (layouts == Layouts::All).then(|| of(&serials, &[Layout::Dollar]));
    let others = serials
        .chunks(CAMERAS_PER_SUBSCRIBE)
        .map(|serials| of(serials, &[Layout::Documented, Layout::SerialFirst]));
    dollar
        .into_iter()
        .chain(others)
        .filter(|filters| !filters.is_empty())
        .collect()
}

/// Every serial as configured and in lower case; `+` for every camera. What cannot be a serial is
/// left out: a broker may throw a client out for a filter that is none.
pub(super) fn spellings(cameras: &[String]) -> Vec<String> {
    if cameras.is_empty() {
        return vec!["+".into()];
    }
    let mut serials: Vec<String> = cameras
        .iter()
        .map(|serial| serial.trim().to_owned())
        .filter(|serial| is_serial(serial))
        .flat_map(|serial| [serial.to_lowercase(), serial])
        .collect();
    serials.sort();
    serials.dedup();
    serials
}
