//! WeChat's hosts, without a word to WeChat: their names, their ports, their certificates.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;

use super::finding::Finding;
use super::merchant::day;
use super::step::Step;
use crate::bilingual::Both;
use crate::config::Config;
use crate::gate;
use crate::tls::{self, TlsFault};

/// For a name, a connection or a handshake each.
const WITHIN: Duration = Duration::from_secs(5);

/// Each host in turn.
pub async fn look(config: &Config) -> Vec<Finding> {
    let roots = match extra_roots(config) {
        Ok(roots) => roots,
        Err(finding) => return vec![*finding],
    };
    let mut findings = Vec::new();
    for url in &config.wechat.base_urls {
        let Some((host, port, is_tls)) = parts(url) else {
            continue;
        };
        let roots = roots.clone();
        let proxy = config.wechat.proxy.clone();
        let looking = tokio::task::spawn_blocking(move || {
            one(&host, port, proxy.as_deref(), is_tls.then_some(roots))
        });
        // The name server's own time-outs are longer than anybody waits.
        match tokio::time::timeout(WITHIN * 4, looking).await {
            Ok(Ok(found)) => findings.extend(found),
            Ok(Err(_)) => {}
            Err(_) => findings.push(no_name(url, "the name server does not answer")),
        }
    }
    findings
}

fn extra_roots(config: &Config) -> Result<Arc<ClientConfig>, Box<Finding>> {
    gate::tls(config).map_err(|why| {
        let fix = both!(
            "correct [wechat] ca_file, or leave it out",
            "请更正或删除 [wechat] ca_file"
        );
        Box::new(Finding::failed(Step::Tls, Both::foreign(&why), fix))
    })
}

/// Host, port, and whether TLS is spoken there.
pub fn parts(url: &str) -> Option<(String, u16, bool)> {
    let url = reqwest::Url::parse(url).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
    Some((host, url.port_or_known_default()?, url.scheme() == "https"))
}

fn one(host: &str, port: u16, proxy: Option<&str>, tls: Option<Arc<ClientConfig>>) -> Vec<Finding> {
    let at = format!("{host}:{port}");
    if let Some(proxy) = proxy.filter(|_| tls.is_some()) {
        let stream = tls::tunnel(proxy, host, port, WITHIN);
        return vec![match stream {
            Ok(stream) => handshake(host, stream, tls).of(at),
            Err(error) => no_tunnel(proxy, host, &error.to_string()).of(at),
        }];
    }
    let addresses = match tls::resolve(host, port) {
        Ok(addresses) => addresses,
        Err(error) => return vec![no_name(host, &error.to_string())],
    };
    let mut findings = vec![name(host, &addresses)];
    findings.push(match tls::connect(&addresses, WITHIN) {
        Ok(stream) => handshake(host, stream, tls).of(at),
        Err(error) => no_connection(host, port, &error.to_string()).of(at),
    });
    findings
}

fn name(host: &str, addresses: &[SocketAddr]) -> Finding {
    let shown: Vec<String> = addresses
        .iter()
        .take(3)
        .map(|it| it.ip().to_string())
        .collect();
    let shown = shown.join(", ");
    Finding::passed(Step::Dns, both!("{shown}", "{shown}")).of(host)
}

fn no_name(host: &str, why: &str) -> Finding {
    let found = both!("no address is found for it: {why}", "无法解析：{why}");
    let fix = both!(
        "check the uplink and the name servers of this box (/etc/resolv.conf); addresses of WeChat change, do \
         not write them down",
        "请检查上行网络和 DNS（/etc/resolv.conf）；微信的 IP 会变化，不要写死"
    );
    Finding::failed(Step::Dns, found, fix).of(host)
}

fn no_connection(host: &str, port: u16, error: &str) -> Finding {
    let found = both!(
        "no connection to port {port}: {error}",
        "无法连接端口 {port}：{error}"
    );
    let fix = both!(
        "let this box out to port {port} of the name {host}, not of an address",
        "请在防火墙放行本机访问 {host} 的 {port} 端口（按域名而非 IP）"
    );
    Finding::failed(Step::Tls, found, fix)
}

fn no_tunnel(proxy: &str, host: &str, error: &str) -> Finding {
    let found = both!(
        "no way through the proxy {proxy}: {error}",
        "无法通过代理 {proxy} 连接：{error}"
    );
    let fix = both!(
        "let the proxy open tunnels (CONNECT) to {host}, or correct [wechat] proxy",
        "请在代理上放行到 {host} 的 CONNECT，或更正 [wechat] proxy"
    );
    Finding::failed(Step::Tls, found, fix)
}

fn handshake(host: &str, stream: TcpStream, tls: Option<Arc<ClientConfig>>) -> Finding {
    let step = Step::Tls;
    let Some(config) = tls else {
        return Finding::passed(
            step,
            both!(
                "reached without TLS, on this machine itself",
                "本机地址，未使用 TLS"
            ),
        );
    };
    match tls::greet(stream, host, config) {
        Ok(shown) => {
            let ends = day(shown.ends);
            Finding::passed(
                step,
                both!(
                    "its certificate is trusted, until {ends}",
                    "证书可信，有效期至 {ends}"
                ),
            )
        }
        Err(fault) => distrusted(step, host, &fault),
    }
}

/// TLS failed; the same words for every server that parkgate speaks to.
pub fn distrusted(step: Step, host: &str, fault: &TlsFault) -> Finding {
    let (found, fix) = match fault {
        TlsFault::UnknownAuthority => (
            both!(
                "its certificate is signed by an authority that this box does not know",
                "其证书由本机不信任的机构签发"
            ),
            both!(
                "something answers in the place of {host}: a proxy or portal on the way, or an attacker. Take it \
                 out of the way; only where it is your own proxy, name its authority in ca_file",
                "有其他设备冒充 {host}：途中的代理、认证门户或攻击者。请排除；只有自己的代理才可在 ca_file 中信任其 CA"
            ),
        ),
        TlsFault::WrongName => (
            both!("its certificate is for other names", "其证书不属于该域名"),
            both!(
                "see that {host} leads to the right server: name servers, /etc/hosts, a portal on the way",
                "请检查 {host} 是否指向正确的服务器：DNS、/etc/hosts、途中的认证门户"
            ),
        ),
        TlsFault::OutOfDate { .. } => (
            both!("its certificate is not valid today", "其证书今天无效"),
            both!(
                "see that the box's clock is right; if it is, the server's certificate has to be renewed",
                "请检查本机时钟；若时钟正确，则需更新服务器证书"
            ),
        ),
        TlsFault::NotTls => (
            both!("it does not speak TLS", "对方不是 TLS 服务"),
            both!("check address and port", "请检查地址和端口"),
        ),
        TlsFault::Other(why) => (
            both!("no TLS: {why}", "TLS 失败：{why}"),
            both!(
                "see what stands between the box and {host}: a firewall or proxy may cut it off",
                "请检查本机与 {host} 之间是否有防火墙或代理中断连接"
            ),
        ),
    };
    Finding::failed(step, found, fix)
}
