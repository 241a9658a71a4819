//! An image's data, streamed in and out.

use axum::body::Body;
use axum::extract::{Path, Request};
use axum::http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use control::images::file_stream;
use model::image::Image;
use model::{Error, image};
use tokio::io::AsyncSeekExt;

use super::image_id;
use crate::context::Ctx;
use crate::fault::Fault;
use crate::reply::{Reply, no_content};

const OCTET_STREAM: &str = "application/octet-stream";

/// `PUT /v2/images/{image_id}/file`: the body may be chunked and of any length.
pub(super) async fn upload(ctx: Ctx, Path(id): Path<String>, request: Request) -> Reply {
    let id = image_id(&id)?;
    check_content_type(request.headers())?;
    let data = request.into_body().into_data_stream();
    ctx.app().images.upload(ctx.actor().clone(), id, data).await?;
    no_content()
}

pub(super) fn check_content_type(headers: &HeaderMap) -> Result<(), Error> {
    let Some(content_type) = headers.get(CONTENT_TYPE) else {
        return Ok(());
    };
    if content_type
        .to_str()
        .is_ok_and(|value| value.split(';').next().unwrap_or("").trim() == OCTET_STREAM)
    {
        return Ok(());
    }
    Err(Error::invalid(
        "HTTPUnsupportedMediaType",
        format!("Image data must be sent with 'Content-Type: {OCTET_STREAM}'."),
    ))
}

/// `GET /v2/images/{image_id}/file`: 204 while there is no data.
pub(super) async fn download(ctx: Ctx, Path(id): Path<String>, headers: HeaderMap) -> Reply {
    let Some(image) = image::downloadable(&ctx.cloud(), ctx.actor(), image_id(&id)?)? else {
        return no_content();
    };
    let size = image.size.unwrap_or(0);
    let range = match wanted_range(&headers, size) {
        Wanted::All => None,
        Wanted::Part { start, end } => Some((start, end)),
        Wanted::Impossible => return Ok(not_satisfiable(size)),
    };
    let (start, end) = range.unwrap_or((0, size));
    let mut file = ctx.app().images.open_data(&image).await?;
    file.seek(std::io::SeekFrom::Start(start)).await.map_err(|error| {
        Error::internal(
            "InternalServerError",
            format!("the data of image {id} can't be sought: {error}"),
        )
    })?;
    let mut response = Body::from_stream(file_stream(file, end - start)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(OCTET_STREAM));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(end - start));
    if range.is_some() {
        let value = format!("bytes {start}-{}/{size}", end - 1);
        headers.insert(CONTENT_RANGE, header(&value)?);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    } else {
        insert_md5(headers, &image)?;
    }
    Ok(response)
}

/// Glance sends the checksum as it shows it: hexadecimal.
fn insert_md5(headers: &mut HeaderMap, image: &Image) -> Result<(), Error> {
    if let Some(md5) = &image.checksum {
        headers.insert("content-md5", header(md5)?);
    }
    Ok(())
}

fn header(text: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_str(text)
        .map_err(|_| Error::internal("InternalServerError", format!("'{text}' can't stand in a header")))
}

fn not_satisfiable(size: u64) -> Response {
    let mut response = Fault(Error::invalid(
        "HTTPRequestRangeNotSatisfiable",
        format!("The image's data has {size} bytes; the range asked for lies outside of it."),
    ))
    .into_response();
    if let Ok(value) = HeaderValue::from_str(&format!("bytes */{size}")) {
        response.headers_mut().insert(CONTENT_RANGE, value);
    }
    response
}

/// What a `Range` header asks for, `end` exclusive.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    All,
    Part { start: u64, end: u64 },
    Impossible,
}

/// One range of bytes (RFC 9110, section 14); several at once, or other units, are answered with everything.
fn wanted_range(headers: &HeaderMap, size: u64) -> Wanted {
    let spec = headers
        .get(RANGE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("bytes="))
        .and_then(|value| value.split_once('-'));
    let Some((first, last)) = spec else { return Wanted::All };
    let (first, last) = (first.trim(), last.trim());
    let range = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => (first, last.saturating_add(1).min(size)),
        (Ok(first), Err(_)) if last.is_empty() => (first, size),
        (Err(_), Ok(suffix)) if first.is_empty() => (size.saturating_sub(suffix), size),
        _ => return Wanted::All,
    };
    let (start, end) = range;
    if start < end {
        Wanted::Part { start, end }
    } else {
        Wanted::Impossible
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_as_the_rfc_has_them() {
        let part = |start, end| Wanted::Part { start, end };
        let cases = [
            ("bytes=0-0", part(0, 1)),
            ("bytes=2-5", part(2, 6)),
            ("bytes=5-", part(5, 10)),
            ("bytes=-3", part(7, 10)),
            ("bytes=-30", part(0, 10)),
            ("bytes=8-99", part(8, 10)),
            ("bytes=10-", Wanted::Impossible),
            ("bytes=-0", Wanted::Impossible),
            ("bytes=5-2", Wanted::All),
            ("bytes=0-1,4-5", Wanted::All),
            ("bytes=x-y", Wanted::All),
            ("lines=1-2", Wanted::All),
        ];
        for (text, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(RANGE, HeaderValue::from_static(text));
            assert_eq!(wanted_range(&headers, 10), expected, "{text}");
        }
        assert_eq!(wanted_range(&HeaderMap::new(), 10), Wanted::All);
    }
}
