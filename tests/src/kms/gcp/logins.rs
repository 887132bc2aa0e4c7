//! Who gets a token: a machine, somebody of another platform, a service account with a key.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{Gcp, Shared, gcp_error};
use crate::kms::https::{HttpAnswer, HttpRequest};

/// Whom a token is for that the STS gave to somebody who is to take on a service account. It is of no use at KMS here, so that
/// a test sees that the account is taken on.
pub(super) const FEDERATED_FOR_IAM: &str = "federated-for-iam";
const KMS: &str = "https://www.googleapis.com/auth/cloudkms";
const GOOGLE: &str = "https://oauth2.googleapis.com/token";
const PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";

/// What is known of those who log in.
#[derive(Debug, Default)]
pub(super) struct Logins {
    /// Tokens of another platform that are good.
    pub(super) subjects: BTreeSet<String>,
    key: Option<Key>,
    made: usize,
}

#[derive(Debug)]
struct Key {
    id: String,
    public: Vec<u8>,
    token_uri: String,
}

impl Logins {
    pub(super) fn make_key(&mut self, port: u16) -> String {
        self.made += 1;
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key can be made");
        let der = pair.as_der().expect("it can be written");
        let body = BASE64.encode(der.as_ref());
        let lines: Vec<&str> =
            body.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
        let id = format!("key-{}", self.made);
        let token_uri = format!("https://localhost:{port}/token");
        let public = pair.public_key().as_ref().to_vec();
        self.key = Some(Key { id: id.clone(), public, token_uri: token_uri.clone() });
        let file = json!({
            "type": "service_account",
            "project_id": "payments-1",
            "private_key_id": id,
            "private_key": pem,
            "client_email": Gcp::SERVICE_ACCOUNT,
            "client_id": "1",
            "token_uri": token_uri,
            "universe_domain": "googleapis.com",
        });
        file.to_string()
    }

    /// Whether an assertion is signed by the key there is, and says what it must.
    fn is_good(&self, assertion: &str) -> Result<(), &'static str> {
        let key = self.key.as_ref().ok_or("Invalid grant: account not found")?;
        let (signed, signature) = assertion.rsplit_once('.').ok_or("no JWT")?;
        let (header, claims) = signed.split_once('.').ok_or("no JWT")?;
        let part = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| "no base64url");
        let json = |text: &str| serde_json::from_slice::<Value>(&part(text)?).map_err(|_| "no JSON");
        let (header, claims) = (json(header)?, json(claims)?);
        if header != json!({"alg": "RS256", "typ": "JWT", "kid": key.id}) {
            return Err("Invalid JWT header.");
        }
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key.public);
        public.verify(signed.as_bytes(), &part(signature)?).map_err(|_| "Invalid JWT Signature.")?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs();
        let time = |name: &str| claims[name].as_u64().unwrap_or_default();
        let (from, to) = (time("iat"), time("exp"));
        if from > now || now - from > 60 || to <= now || to - from > 3600 {
            return Err("Invalid JWT: Token must be a short-lived token.");
        }
        // Google's own client says the well-known address wherever it asks.
        let audience = if claims["aud"] == GOOGLE { GOOGLE } else { &key.token_uri };
        let rest =
            json!({"iss": Gcp::SERVICE_ACCOUNT, "scope": KMS, "aud": audience, "iat": from, "exp": to});
        if claims == rest { Ok(()) } else { Err("Invalid JWT: issuer, scope or audience.") }
    }
}

impl Shared {
    /// The answer to somebody who asks for a token; none to other requests.
    pub(super) fn log_in(&self, request: &HttpRequest) -> Option<HttpAnswer> {
        let post = request.method == "POST";
        match request.path.as_str() {
            "/computeMetadata/v1/instance/service-accounts/default/token" if request.method == "GET" => {
                Some(self.metadata(request))
            }
            "/v1/token" if post => Some(self.exchange(request)),
            "/token" if post => Some(self.assertion(request)),
            path if post && path.ends_with(":generateAccessToken") => Some(self.impersonate(request)),
            _ => None,
        }
    }

    fn metadata(&self, request: &HttpRequest) -> HttpAnswer {
        if request.headers.get("metadata-flavor").is_none_or(|flavor| flavor != "Google") {
            return HttpAnswer::text(403, "Missing Metadata-Flavor:Google header.");
        }
        HttpAnswer { header: Some(("metadata-flavor", "Google")), ..self.token("machine") }
    }

    fn exchange(&self, request: &HttpRequest) -> HttpAnswer {
        let fields = [
            "grant_type",
            "requested_token_type",
            "subject_token_type",
            "audience",
            "scope",
            "subject_token",
        ];
        let form = match request.form_exactly(&fields) {
            Ok(form) => form,
            Err(error) => return oauth_error(400, "invalid_request", &error),
        };
        let expected = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
            ("scope", PLATFORM),
        ];
        if let Some((name, _)) = expected.iter().find(|(name, value)| form[*name] != *value) {
            return oauth_error(400, "invalid_request", &format!("Invalid value for {name}."));
        }
        if form["audience"] != Gcp::AUDIENCE {
            return oauth_error(
                400,
                "invalid_target",
                "The target service indicated by the audience is invalid.",
            );
        }
        let subject = &form["subject_token"];
        if !self.logins.lock().unwrap().subjects.contains(subject) {
            let message = format!("The audience in the ID token {subject} is not the expected one.");
            return oauth_error(400, "invalid_grant", &message);
        }
        self.token(if subject.contains("for-iam") { FEDERATED_FOR_IAM } else { "federated" })
    }

    fn impersonate(&self, request: &HttpRequest) -> HttpAnswer {
        let account = Gcp::SERVICE_ACCOUNT;
        let whose = self.tokens.whose(request.bearer());
        if request.path != format!("/v1/projects/-/serviceAccounts/{account}:generateAccessToken")
            || whose.as_deref() != Some(FEDERATED_FOR_IAM)
        {
            let message =
                "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).";
            return gcp_error(403, "PERMISSION_DENIED", message);
        }
        match request.exactly(&["scope", "lifetime"]) {
            Ok(body) if body["scope"] == json!([KMS]) && body["lifetime"] == "3600s" => {
                let (token, _) = self.tokens.issue("impersonated");
                let answer = json!({"accessToken": token, "expireTime": "2100-01-01T00:00:00Z"});
                HttpAnswer::json(200, &answer)
            }
            other => gcp_error(400, "INVALID_ARGUMENT", &format!("{other:?}")),
        }
    }

    fn assertion(&self, request: &HttpRequest) -> HttpAnswer {
        let form = match request.form_exactly(&["grant_type", "assertion"]) {
            Ok(form) if form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer" => form,
            _ => return oauth_error(400, "unsupported_grant_type", "Invalid grant_type."),
        };
        match self.logins.lock().unwrap().is_good(&form["assertion"]) {
            Ok(()) => self.token("service-account"),
            Err(error) => oauth_error(400, "invalid_grant", error),
        }
    }

    fn token(&self, to: &str) -> HttpAnswer {
        let (token, life) = self.tokens.issue(to);
        let answer = json!({"access_token": token, "expires_in": life, "token_type": "Bearer"});
        HttpAnswer::json(200, &answer)
    }
}

fn oauth_error(status: u16, code: &str, description: &str) -> HttpAnswer {
    HttpAnswer::json(status, &json!({"error": code, "error_description": description}))
}
