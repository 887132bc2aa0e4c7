//! The account of the proxies. It may do nothing, and its token is not mounted.

use k8s_openapi::api::core::v1::ServiceAccount;

use super::merge;
use crate::fleet::Fleet;

pub(crate) fn service_account(fleet: &Fleet) -> ServiceAccount {
    let template = fleet.template.service_account.as_ref().map(|template| &template.metadata);
    ServiceAccount {
        metadata: merge(fleet.metadata(fleet.names.fleet()), template),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}
