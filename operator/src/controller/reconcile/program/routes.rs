//! Routes of the Gateway API to listeners of the type `tlsroute`. What is wrong with them keeps nothing else from the fleet.

use kube::api::DynamicObject;
use kube::{Client, ResourceExt};
use serde_json::Value;

use super::{Context, Error};
use crate::controller::apply::{self, Applier};
use crate::controller::build;
use crate::controller::validate::Obstacle;
use crate::fleet::Fleet;

/// Versions of routes, the best first.
const VERSIONS: [&str; 3] = ["v1", "v1alpha3", "v1alpha2"];
/// What is told of others' words.
const LONGEST_MESSAGE: usize = 500;

/// Writes the routes, and takes away those that nobody wants any more. Gives back why no Gateway leads to a listener.
pub(super) async fn routes(
    context: &Context,
    applier: &Applier,
    fleet: &Fleet,
) -> Result<Option<Obstacle>, Error> {
    let wanting: Vec<_> = fleet.listeners.iter().filter(|listener| !listener.gateways.is_empty()).collect();
    let names = || wanting.iter().map(|listener| listener.name.as_str()).collect::<Vec<_>>().join(", ");
    let version = match served_version(&context.client).await {
        Ok(version) => version,
        // What may be left over is taken away another time.
        Err(_) if wanting.is_empty() => return Ok(None),
        Err(source) => {
            let kind = "TLSRoute".to_owned();
            return Err(Error::Apply(apply::Error::List { kind, source: Box::new(source) }));
        }
    };
    let Some(version) = version else {
        return Ok((!wanting.is_empty()).then(|| Obstacle::NoGatewayApi(names())));
    };
    let resource = build::tls_route_resource(version);
    let routes = build::tls_routes(fleet, &resource);
    let mut obstacle = None;
    for route in &routes {
        let found = match applier.apply_dynamic(route, &resource).await {
            Ok(found) => not_taken(&found),
            Err(error) if error.code() == Some(403) => Some(Obstacle::RoutesForbidden(names())),
            Err(error) => return Err(Error::Apply(error)),
        };
        obstacle = obstacle.or(found);
    }
    let wanted: Vec<_> = routes.iter().map(ResourceExt::name_any).collect();
    applier.delete_others_dynamic(&resource, &wanted).await.map_err(Error::Apply)?;
    Ok(obstacle)
}

/// In which version the cluster serves routes, if it does. Every version of the Gateway API that counts has something in `v1`.
async fn served_version(client: &Client) -> Result<Option<&'static str>, kube::Error> {
    for version in VERSIONS {
        let group = format!("{}/{version}", build::GATEWAY_GROUP);
        match client.list_api_group_resources(&group).await {
            Ok(listed) if listed.resources.iter().any(|each| each.name == build::TLS_ROUTES) => {
                return Ok(Some(version));
            }
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 404 && version == "v1" => return Ok(None),
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Why a Gateway does not lead where a route says, by what it says of the route.
fn not_taken(route: &DynamicObject) -> Option<Obstacle> {
    let list = |value: &Value, field: &str| value[field].as_array().cloned().unwrap_or_default();
    let parents = list(&route.data["status"], "parents");
    for parent in &parents {
        let conditions = list(parent, "conditions");
        let against = |condition: &&Value| {
            condition["status"] == "False"
                && (condition["type"] == "Accepted" || condition["type"] == "ResolvedRefs")
        };
        if let Some(condition) = conditions.iter().find(against) {
            let text = |field: &str| condition[field].as_str().unwrap_or_default();
            let message = format!("{}: {}", text("reason"), text("message"));
            return Some(Obstacle::RouteRefused {
                route: route.name_any(),
                gateway: parent["parentRef"]["name"].as_str().unwrap_or_default().to_owned(),
                message: message.chars().take(LONGEST_MESSAGE).collect(),
            });
        }
        let accepts = |condition: &Value| condition["type"] == "Accepted" && condition["status"] == "True";
        if !conditions.iter().any(accepts) {
            return Some(Obstacle::RoutePending(route.name_any()));
        }
    }
    let asked = list(&route.data["spec"], "parentRefs").len();
    (parents.len() < asked).then(|| Obstacle::RoutePending(route.name_any()))
}
