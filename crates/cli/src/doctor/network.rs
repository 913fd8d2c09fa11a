use std::{io::ErrorKind, net::SocketAddr};

use sealwork_platform::TcpAcceptor;

use super::Finding;

pub(super) async fn port(listen: &str) -> Finding {
    const CHECK: &str = "port";
    // `:8080` means every address of the machine.
    let text = if listen.starts_with(':') { format!("0.0.0.0{listen}") } else { listen.to_owned() };
    let Ok(address) = text.replace("localhost:", "127.0.0.1:").parse::<SocketAddr>() else {
        let advice = "set LISTEN_ADDRESS to HOST:PORT or :PORT";
        return Finding::fail(CHECK, format!("{listen:?} is no address"), advice);
    };
    match TcpAcceptor::bind(address).await {
        Ok(_) => Finding::ok(CHECK, format!("{address} is free")),
        Err(e) if e.kind() == ErrorKind::AddrInUse => Finding::warn(
            CHECK,
            format!("{address} is taken"),
            "fine when that is your worker; else stop what listens there (ss -ltnp) or set \
             LISTEN_ADDRESS",
        ),
        Err(e) => Finding::fail(
            CHECK,
            format!("{address}: {e}"),
            "ports below 1024 need CAP_NET_BIND_SERVICE; other addresses must belong to this \
             machine",
        ),
    }
}

#[cfg(test)]
mod tests {
    use sealwork_platform::Listener;

    use super::{super::Verdict, *};

    #[tokio::test]
    async fn a_taken_port_is_a_warning_and_nonsense_a_failure() {
        let taken = TcpAcceptor::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = taken.local_addr().unwrap().to_string();
        assert_eq!(port(&address).await.verdict, Verdict::Warn);
        assert_eq!(port("127.0.0.1:0").await.verdict, Verdict::Ok);
        assert_eq!(port("nonsense").await.verdict, Verdict::Fail);
    }
}
