//! Answers that say where brokers are: the real addresses are remembered, the proxy's own are put in their place.
//!
//! A broker without an open port is left out, so that no client ever goes round the proxy or to the wrong broker.

use crate::advertised::Place;
use crate::api_versions;
use crate::connection::answers::Outcome;
use crate::connection::{Close, Session, Shared};
use crate::pieces::Pieces;
use crate::wire::{self, Direction, MetadataView, write};
use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsResponse, BrokerId, DescribeClusterResponse, FindCoordinatorResponse,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};

/// `UNSUPPORTED_VERSION`: such an ApiVersions answer has the version 0 body (KIP-511).
const UNSUPPORTED_VERSION: i16 = 35;
/// `COORDINATOR_NOT_AVAILABLE`: the client asks again.
const COORDINATOR_NOT_AVAILABLE: i16 = 15;
/// `EndpointType` of controllers in `DescribeCluster` (KIP-919): clients of the proxy cannot reach these.
const CONTROLLERS: i8 = 2;

/// Where the body of an answer begins: behind the correlation id, and the header's tagged fields where it has them.
pub(crate) fn body_start(api: ApiKey, version: i16, message: &[u8]) -> Result<usize, Close> {
    let head = wire::response_header(api as i16, version, message).map_err(Close::Answer)?;
    head.body.ok_or(Close::Answer(wire::WireError::Unsupported(api as i16, version)))
}

pub(crate) fn api_versions(session: &Session, message: &[u8], version: i16) -> Result<Outcome, Close> {
    let error = message.get(4..6).and_then(|bytes| bytes.try_into().ok()).map(i16::from_be_bytes);
    let version = if error == Some(UNSUPPORTED_VERSION) { 0 } else { version };
    rewrite(ApiKey::ApiVersions, message, version, |response: &mut ApiVersionsResponse| {
        api_versions::clamp(response, session.shared.upstream.acts_as_itself());
    })
}

pub(crate) fn find_coordinator(session: &Session, message: &[u8], version: i16) -> Result<Outcome, Close> {
    rewrite(ApiKey::FindCoordinator, message, version, |response: &mut FindCoordinatorResponse| {
        let place = |node: &mut BrokerId, host: &mut StrBytes, port: &mut i32, error: &mut i16| {
            if *error != 0 || node.0 < 0 {
                return;
            }
            session.shared.brokers.learn(node.0, host, *port);
            match session.advertised.broker(node.0) {
                Some(open) => (*host, *port) = (open.host, open.port),
                None => {
                    (*node, *host, *port, *error) =
                        (BrokerId(-1), StrBytes::from_static_str(""), -1, COORDINATOR_NOT_AVAILABLE);
                }
            }
        };
        let FindCoordinatorResponse { node_id, host, port, error_code, coordinators, .. } = response;
        // Up to version 3 the answer itself is the one coordinator; the fields are at their defaults after that.
        if version <= 3 {
            place(node_id, host, port, error_code);
        }
        for found in coordinators {
            place(&mut found.node_id, &mut found.host, &mut found.port, &mut found.error_code);
        }
    })
}

pub(crate) fn describe_cluster(session: &Session, message: &[u8], version: i16) -> Result<Outcome, Close> {
    rewrite(ApiKey::DescribeCluster, message, version, |response: &mut DescribeClusterResponse| {
        if response.endpoint_type == CONTROLLERS {
            response.brokers.clear();
        }
        response.brokers.retain_mut(|broker| {
            session.shared.brokers.learn(broker.broker_id.0, &broker.host, broker.port);
            let open = session.advertised.broker(broker.broker_id.0);
            let is_open = open.is_some();
            if let Some(open) = open {
                (broker.host, broker.port) = (open.host, open.port);
            }
            is_open
        });
    })
}

pub(crate) fn share_acknowledge(
    session: &Session,
    message: &[u8],
    version: i16,
    view: &mut wire::ShareFetchView,
    pieces: &mut Pieces,
) -> Result<Outcome, Close> {
    let base = body_start(ApiKey::ShareAcknowledge, version, message)?;
    let body = message.get(base..).unwrap_or_default();
    wire::share_acknowledge_response(version, body, view).map_err(Close::Answer)?;
    node_endpoints(session, body, base, &view.brokers, pieces);
    pieces.keep_until(message.len());
    Ok(Outcome::Pieces)
}

/// Rewrites the addresses that answers to Produce, Fetch, `ShareFetch` and `ShareAcknowledge` carry (KIP-951).
pub(crate) fn node_endpoints(
    session: &Session,
    body: &[u8],
    base: usize,
    endpoints: &wire::Brokers,
    pieces: &mut Pieces,
) {
    let Some(field) = endpoints.field else { return };
    remember_brokers(&session.shared, endpoints, body);
    let open = open_brokers(session, endpoints, body);
    pieces.keep_until(base + field.start);
    pieces.side(|side| write::node_endpoints(endpoints.tagged, &open, side));
    pieces.skip_until(base + field.end);
}

/// Metadata can be large: only the list of brokers is written anew, the rest stays as it came.
pub(crate) fn metadata(
    session: &Session,
    view: &mut MetadataView,
    message: &[u8],
    version: i16,
    pieces: &mut Pieces,
) -> Result<Outcome, Close> {
    let base = body_start(ApiKey::Metadata, version, message)?;
    let body = message.get(base..).unwrap_or_default();
    wire::metadata_response(version, body, view).map_err(Close::Answer)?;
    remember(&session.shared, view, body);
    let field = view.brokers.field.unwrap_or_default();
    let open = open_brokers(session, &view.brokers, body);
    pieces.keep_until(base + field.start);
    pieces.side(|side| write::broker_array(version, &open, side));
    pieces.skip_until(base + field.end);
    pieces.keep_until(message.len());
    Ok(Outcome::Pieces)
}

/// Takes over what an answer to the proxy's own Metadata request says.
pub(crate) fn learn(shared: &Shared, message: &[u8], version: i16) -> Result<(), Close> {
    let base = body_start(ApiKey::Metadata, version, message)?;
    let body = message.get(base..).unwrap_or_default();
    let mut view = MetadataView::default();
    wire::metadata_response(version, body, &mut view).map_err(Close::Answer)?;
    remember(shared, &view, body);
    Ok(())
}

fn remember(shared: &Shared, view: &MetadataView, body: &[u8]) {
    remember_brokers(shared, &view.brokers, body);
    shared.topics.learn(view.topics.iter().map(|topic| (topic.name.text(body), topic.id)));
}

fn remember_brokers(shared: &Shared, brokers: &wire::Brokers, body: &[u8]) {
    for broker in &brokers.brokers {
        shared.brokers.learn(broker.node_id, broker.host.text(body), broker.port);
    }
}

/// The brokers that clients can reach, as they reach them.
fn open_brokers<'a>(session: &'a Session, brokers: &wire::Brokers, body: &'a [u8]) -> Vec<write::Broker<'a>> {
    let open = |broker: &wire::BrokerSpans| {
        let Place { host, port } = session.advertised.broker(broker.node_id)?;
        let rack = broker.rack.map(|rack| rack.text(body));
        Some(write::Broker { node_id: broker.node_id, host, port, rack })
    };
    brokers.brokers.iter().filter_map(open).collect()
}

/// Decodes, changes and encodes an answer of a cold path. The body is walked first: the codec trusts array counts, and how many
/// coordinators there are is up to the client.
fn rewrite<T: Decodable + Encodable>(
    api: ApiKey,
    message: &[u8],
    version: i16,
    change: impl FnOnce(&mut T),
) -> Result<Outcome, Close> {
    let start = body_start(api, version, message)?;
    let body = message.get(start..).unwrap_or_default();
    wire::check_bounded(api as i16, version, Direction::Response, body).map_err(Close::Answer)?;
    let mut response =
        T::decode(&mut Bytes::copy_from_slice(body), version).map_err(|_| Close::Codec("an answer"))?;
    change(&mut response);
    let mut out = BytesMut::from(message.get(..start).unwrap_or_default());
    response.encode(&mut out, version).map_err(|_| Close::Codec("an answer"))?;
    Ok(Outcome::Replaced(out.into()))
}
