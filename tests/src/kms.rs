//! Key management systems, and faults on the way to them.

mod aws_api;
mod aws_front;
mod azure;
mod faults;
mod gcp;
mod https;
mod ibm;
mod local_kms;
mod moto;
mod openbao;
mod pykmip;
mod soft_hsm;
mod token_reviews;
mod tokens;

pub use aws_api::{AWS_REGION, AwsApi};
pub use aws_front::{aws_answer, aws_front, kms_error, sts_error};
pub use azure::{Azure, azure_error};
pub use faults::{Fault, Faults};
pub use gcp::{Gcp, gcp_error};
pub use https::{HttpAnswer, HttpRequest, Https};
pub use ibm::{Ibm, ibm_error};
pub use local_kms::LocalKms;
pub use moto::Moto;
pub use openbao::OpenBao;
pub use pykmip::PyKmip;
pub use soft_hsm::{Hang, SoftHsm};
pub use token_reviews::TokenReviews;
