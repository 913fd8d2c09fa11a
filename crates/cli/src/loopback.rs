//! Small web sites on loopback, for the demo and the measurements.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, header, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use sealwork_platform::{Listener, TcpAcceptor};
use tokio::task::AbortHandle;

/// What a site answers to one path.
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: Bytes,
    /// How long to wait before answering.
    pub(crate) delay: Duration,
}

impl Page {
    /// A page of HTML.
    pub(crate) fn html(body: impl Into<Bytes>) -> Self {
        Self {
            status: 200,
            content_type: "text/html; charset=utf-8",
            body: body.into(),
            delay: Duration::ZERO,
        }
    }

    /// Plain text.
    pub(crate) fn text(body: impl Into<Bytes>) -> Self {
        Self { content_type: "text/plain; charset=utf-8", ..Self::html(body) }
    }

    /// Nothing there.
    pub(crate) fn not_found() -> Self {
        Self { status: 404, ..Self::text("no such page\n") }
    }
}

/// A site that answers until it is dropped.
pub(crate) struct Site {
    address: SocketAddr,
    task: AbortHandle,
}

impl Site {
    /// Serves on `address`; port 0 takes a free one. `page` is asked for each path.
    pub(crate) async fn serve(
        address: SocketAddr,
        page: impl Fn(&str) -> Page + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let acceptor = TcpAcceptor::bind(address).await?;
        let address = acceptor.local_addr()?;
        let page = Arc::new(page);
        let task = tokio::spawn(async move {
            // An accept error concerns one connection or passes; the caller's own deadline ends
            // a site that cannot accept any more.
            loop {
                match acceptor.accept().await {
                    Ok((stream, _)) => drop(tokio::spawn(connection(stream, Arc::clone(&page)))),
                    Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        });
        Ok(Self { address, task: task.abort_handle() })
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn connection<F>(stream: Box<dyn sealwork_platform::Stream>, page: Arc<F>)
where
    F: Fn(&str) -> Page + Send + Sync + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let page = page(request.uri().path());
        async move {
            if !page.delay.is_zero() {
                tokio::time::sleep(page.delay).await;
            }
            let mut response = Response::new(Full::new(page.body));
            *response.status_mut() = hyper::StatusCode::from_u16(page.status).unwrap_or_default();
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, header::HeaderValue::from_static(page.content_type));
            Ok::<_, Infallible>(response)
        }
    });
    // A client that goes away in the middle is its own affair.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
