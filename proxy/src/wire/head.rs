//! Message headers: how a message is matched and where its body begins.

use super::cursor::Cursor;
use super::schema::{self, Message};
use super::{Direction, Span, WireError};

/// `ApiVersions` answers have the oldest header at every version, since the client does not yet know what we speak.
const API_VERSIONS: i16 = 18;

/// The header of a request. Spans and offsets are those of the frame, without its length prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestHead {
    /// Which API.
    pub api_key: i16,
    /// Its version, which may be beyond what there is a schema for.
    pub version: i16,
    /// The client's number for this request.
    pub correlation_id: i32,
    /// The client's name for itself; `None` if null or if the API has no schema.
    pub client_id: Option<Span>,
    /// Where the body begins; `None` if the API has no schema, so that the header's length is not known.
    pub body: Option<usize>,
}

/// The header of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseHead {
    /// The number of the request that this answers.
    pub correlation_id: i32,
    /// Where the body begins; `None` if the API has no schema.
    pub body: Option<usize>,
}

/// Reads a request's header.
pub fn request_header(frame: &[u8]) -> Result<RequestHead, WireError> {
    let mut cursor = Cursor::new(frame);
    let mut head = RequestHead {
        api_key: cursor.i16()?,
        version: cursor.i16()?,
        correlation_id: cursor.i32()?,
        client_id: None,
        body: None,
    };
    let Some(message) = schema::of_api(head.api_key, Direction::Request) else {
        return Ok(head);
    };
    let start = cursor.at();
    // Never compact: the header's version must be found before its encoding is known.
    head.client_id = match cursor.i16()? {
        -1 => None,
        length => {
            let length = usize::try_from(length).map_err(|_| WireError::Length(start))?;
            Some(cursor.text(length)?)
        }
    };
    if head.version >= message.flexible_from {
        skip_tags(&mut cursor)?;
    }
    head.body = Some(cursor.at());
    Ok(head)
}

/// Reads the header of a response to a request of this API and version.
pub fn response_header(api_key: i16, version: i16, frame: &[u8]) -> Result<ResponseHead, WireError> {
    let mut cursor = Cursor::new(frame);
    let correlation_id = cursor.i32()?;
    let Some(message) = schema::of_api(api_key, Direction::Response) else {
        return Ok(ResponseHead { correlation_id, body: None });
    };
    if has_response_tags(message, version) {
        skip_tags(&mut cursor)?;
    }
    Ok(ResponseHead { correlation_id, body: Some(cursor.at()) })
}

pub(super) fn has_response_tags(message: &Message, version: i16) -> bool {
    version >= message.flexible_from && message.api_key != API_VERSIONS
}

fn skip_tags(cursor: &mut Cursor<'_>) -> Result<(), WireError> {
    let start = cursor.at();
    let count = cursor.varint()?;
    if count as usize > cursor.left() / 2 {
        return Err(WireError::Count(start));
    }
    for _ in 0..count {
        cursor.varint()?;
        let size = cursor.varint()? as usize;
        cursor.skip(size)?;
    }
    Ok(())
}
