//! Addresses of services that speak HTTP.

use crate::reader::Field;

/// One that may be left out.
pub(super) fn read_address(field: Option<&Field<'_>>, default: &str) -> Option<String> {
    field.map_or(Some(default), |field| field.parsed(address)).map(str::to_owned)
}

/// `https`, or `http` to this machine alone: data keys travel in clear inside TLS.
pub(super) fn address(text: &str) -> Result<&str, &'static str> {
    const WANTED: &str =
        "must be https://HOST or https://HOST:PORT (http:// for 127.0.0.1, [::1] and localhost only)";
    let (rest, local_only) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (rest, false),
        (_, Some(rest)) => (rest, true),
        _ => return Err(WANTED),
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']');
    if rest.is_empty() || rest.len() > 260 || !rest.bytes().all(allowed) {
        return Err(WANTED);
    }
    let host = match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            port.parse::<u16>().ok().filter(|port| *port > 0).ok_or(WANTED)?;
            host
        }
        _ => rest,
    };
    let local = matches!(host, "127.0.0.1" | "[::1]" | "localhost");
    if host.is_empty() || (local_only && !local) { Err(WANTED) } else { Ok(text) }
}
