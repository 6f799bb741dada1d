//! The cameras' broker: a connection with the daemon's own login, under another client id, and closed again.

use super::finding::Finding;
use super::hosts::distrusted;
use super::merchant::{ENDS_SOON_DAYS, day};
use super::step::Step;
use crate::bilingual::Both;
use crate::broker::{Connection, Endpoint, LinkFault};
use crate::config::{Config, read_public};
use crate::lane::time::Wall;
use crate::tls;

const WITHIN: std::time::Duration = std::time::Duration::from_secs(5);
const DAY_MS: i64 = 24 * 3600 * 1000;

/// Whether the box is let in, and until when the certificates last.
pub async fn look(config: &Config, now: Wall) -> Vec<Finding> {
    let is_needed = config.lanes.iter().any(|lane| lane.camera.text().is_none());
    if !is_needed && !config.mqtt.announce {
        return vec![Finding::passed(
            Step::Broker,
            both!("none is needed", "不需要"),
        )];
    }
    let endpoint = Endpoint::of(&config.mqtt);
    let address = endpoint.address();
    let mut findings = vec![greeted(&endpoint, config).await];
    findings.extend(certificates(&endpoint, config, now).await);
    findings
        .into_iter()
        .map(|it| it.of(address.clone()))
        .collect()
}

async fn greeted(endpoint: &Endpoint, config: &Config) -> Finding {
    let client_id = format!("{}-doctor", config.mqtt.client_id);
    let connected = async {
        let mut connection = Connection::new(endpoint, &client_id, |_| {})?;
        connection.connect().await
    };
    match connected.await {
        Ok(()) => Finding::passed(Step::Broker, both!("it takes this box's login", "登录成功")),
        Err(fault) => {
            let (found, fix) = told(&fault);
            Finding::failed(Step::Broker, found, fix)
        }
    }
}

/// The broker's certificate and the box's own.
async fn certificates(endpoint: &Endpoint, config: &Config, now: Wall) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(Ok(tls)) = endpoint.tls_config() {
        let (host, port) = (endpoint.host.clone(), endpoint.port);
        let look = tokio::task::spawn_blocking(move || {
            let addresses = tls::resolve(&host, port).ok()?;
            let stream = tls::connect(&addresses, WITHIN).ok()?;
            Some((tls::greet(stream, &host, tls), host))
        });
        // What is not reached has been told.
        if let Ok(Some((greeted, host))) = look.await {
            findings.push(match greeted {
                Ok(shown) => lasting(shown.ends, now, &both!("its certificate", "其证书")),
                Err(fault) => distrusted(Step::Broker, &host, &fault),
            });
        }
    }
    if let Some(own) = &config.mqtt.client_certificate
        && let Ok(pem) = read_public(&own.certificate_file)
        && let Ok(der) = crate::wechat::pem::certificate(&pem)
        && let Some(ends) = tls::ends(&der)
    {
        let whose = both!("this box's certificate for it", "本机的客户端证书");
        findings.push(lasting(ends, now, &whose));
    }
    findings
}

fn lasting(ends: Wall, now: Wall, whose: &Both) -> Finding {
    let left = ends.0.saturating_sub(now.0).div_euclid(DAY_MS);
    let ends = day(ends);
    let Both { en, zh } = whose;
    let found = both!(
        "{en} is valid until {ends}, {left} more days",
        "{zh}有效期至 {ends}，还剩 {left} 天"
    );
    match left >= ENDS_SOON_DAYS {
        true => Finding::passed(Step::Broker, found),
        false => Finding::failed(
            Step::Broker,
            found,
            both!(
                "renew it; the file is read anew at each connection",
                "请更新证书；每次连接时重新读取文件"
            ),
        ),
    }
}

fn told(fault: &LinkFault) -> (Both, Both) {
    let network = || {
        both!(
            "check [mqtt] url, the network, and whether the broker runs",
            "请检查 [mqtt] url、网络以及服务器是否运行"
        )
    };
    match fault {
        LinkFault::NotReady { detail, .. } => (
            Both::foreign(detail),
            both!(
                "put the file right that is named; it is read again at each attempt",
                "请修正所述文件；每次连接时重新读取"
            ),
        ),
        LinkFault::Unreachable { detail, .. } => (
            both!("no connection: {detail}", "无法连接：{detail}"),
            network(),
        ),
        LinkFault::NoTls { .. } => (
            both!("it does not speak TLS", "对方不支持 TLS"),
            both!(
                "write mqtt:// in [mqtt] url, or the broker's TLS port",
                "请在 [mqtt] url 中写 mqtt:// 或服务器的 TLS 端口"
            ),
        ),
        LinkFault::WrongName { names, .. } => (
            both!("its certificate is for {names}", "其证书属于 {names}"),
            both!(
                "write one of these names in [mqtt] url",
                "请在 [mqtt] url 中使用证书上的名称"
            ),
        ),
        LinkFault::OutOfDate { .. } => (
            both!("its certificate is not valid today", "其证书今天无效"),
            both!(
                "renew it, and check the clock of this box",
                "请更新证书，并检查本机时钟"
            ),
        ),
        LinkFault::UnknownAuthority { .. } => (
            both!(
                "its certificate is signed by an authority that this box does not know",
                "其证书由本机不信任的机构签发"
            ),
            both!(
                "name the authority's certificate in [mqtt] ca_file",
                "请在 [mqtt] ca_file 中填写该机构的证书"
            ),
        ),
        LinkFault::CertificateWanted { .. } => (
            both!("it wants a certificate of this box", "服务器要求客户端证书"),
            both!(
                "set [mqtt] client_certificate_file and client_key_file",
                "请配置 [mqtt] client_certificate_file 和 client_key_file"
            ),
        ),
        LinkFault::CertificateRefused { detail, .. } => (
            both!(
                "it refuses this box's certificate ({detail})",
                "服务器拒绝本机证书（{detail}）"
            ),
            both!(
                "have it issued anew by the authority that the broker knows",
                "请由服务器信任的机构重新签发"
            ),
        ),
        LinkFault::LoginRefused { code } => (
            both!("it refuses the login ({code})", "登录被拒绝（{code}）"),
            both!(
                "check user name, password and client id; the broker may know client ids, and this look adds -doctor",
                "请检查用户名、密码和客户端 ID；若服务器限制客户端 ID，请注意检查时会加 -doctor"
            ),
        ),
        LinkFault::Tls { .. }
        | LinkFault::Silent { .. }
        | LinkFault::NothingSubscribed
        | LinkFault::Lost { .. }
        | LinkFault::Panicked
        | LinkFault::Closed => (Both::foreign(&fault.to_string()), network()),
    }
}
