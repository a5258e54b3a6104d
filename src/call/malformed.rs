//! Why strictness refused a request: a closed list, each with a stable code and a status.

use http::StatusCode;

/// What two servers could read differently, or what is over a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Malformed {
    /// A method that is not an upper-case token.
    MethodSpelling,
    /// `CONNECT`, `TRACE`.
    MethodRefused,
    /// A header or query parameter that asks for another method.
    MethodOverride,
    /// A path that does not start with a slash.
    PathNotAbsolute,
    /// A byte that a path may not hold unescaped.
    PathCharacter,
    /// `%` without two hex digits.
    PathEscape,
    /// An escape that decodes to another escape.
    PathDoubleEscape,
    /// `.` or `..` as a segment.
    PathDotSegment,
    /// `//`.
    PathEmptySegment,
    /// `/`, `\` or `;` behind an escape.
    PathEncodedSeparator,
    /// A control or invisible character.
    PathControl,
    /// White space at the edge of a segment.
    PathWhitespace,
    /// Not UTF-8 behind the escapes.
    PathEncoding,
    /// Text that Unicode normalisation changes.
    PathNormalisation,
    /// Too many segments.
    PathSegments,
    /// A query with bytes that no query may hold.
    Query,
    /// An absolute target that is neither http nor https.
    TargetScheme,
    /// No `Host`.
    HostMissing,
    /// More than one `Host`.
    HostDuplicate,
    /// A host that is not a name or an address.
    HostSpelling,
    /// The target names one host, `Host` another.
    HostMismatch,
    /// A host that is not served here.
    HostUnknown,
    /// More than one framing, or one that is not plain.
    Framing,
    /// A body on `GET` or `HEAD`.
    BodyNotAllowed,
    /// `Expect` of something else than `100-continue`.
    Expectation,
    /// A trailer, or the announcement of one, whose name only a head may have.
    TrailerNotAllowed,
    /// `Connection` names a field that is not the sender's to remove.
    ConnectionNomination,
    /// A name that some servers fold into another, `Content_Length` for one.
    HeaderSpelling,
    /// A field that stands once, standing twice.
    HeaderRepeated,
    /// A buffered body over its limit.
    BodyTooLarge,
    /// A buffered body that did not arrive in time.
    BodyTimeout,
    /// A body that broke off.
    BodyIncomplete,
}

impl Malformed {
    /// All of them, for the metric that counts refusals.
    pub const ALL: [Malformed; 32] = [
        Malformed::MethodSpelling,
        Malformed::MethodRefused,
        Malformed::MethodOverride,
        Malformed::PathNotAbsolute,
        Malformed::PathCharacter,
        Malformed::PathEscape,
        Malformed::PathDoubleEscape,
        Malformed::PathDotSegment,
        Malformed::PathEmptySegment,
        Malformed::PathEncodedSeparator,
        Malformed::PathControl,
        Malformed::PathWhitespace,
        Malformed::PathEncoding,
        Malformed::PathNormalisation,
        Malformed::PathSegments,
        Malformed::Query,
        Malformed::TargetScheme,
        Malformed::HostMissing,
        Malformed::HostDuplicate,
        Malformed::HostSpelling,
        Malformed::HostMismatch,
        Malformed::HostUnknown,
        Malformed::Framing,
        Malformed::BodyNotAllowed,
        Malformed::Expectation,
        Malformed::TrailerNotAllowed,
        Malformed::ConnectionNomination,
        Malformed::HeaderSpelling,
        Malformed::HeaderRepeated,
        Malformed::BodyTooLarge,
        Malformed::BodyTimeout,
        Malformed::BodyIncomplete,
    ];

    /// The stable reason code.
    pub fn code(self) -> &'static str {
        match self {
            Malformed::MethodSpelling => "method_spelling",
            Malformed::MethodRefused => "method_refused",
            Malformed::MethodOverride => "method_override",
            Malformed::PathNotAbsolute => "path_not_absolute",
            Malformed::PathCharacter => "path_character",
            Malformed::PathEscape => "path_escape",
            Malformed::PathDoubleEscape => "path_double_escape",
            Malformed::PathDotSegment => "path_dot_segment",
            Malformed::PathEmptySegment => "path_empty_segment",
            Malformed::PathEncodedSeparator => "path_encoded_separator",
            Malformed::PathControl => "path_control",
            Malformed::PathWhitespace => "path_whitespace",
            Malformed::PathEncoding => "path_encoding",
            Malformed::PathNormalisation => "path_normalisation",
            Malformed::PathSegments => "path_segments",
            Malformed::Query => "query_malformed",
            Malformed::TargetScheme => "target_scheme",
            Malformed::HostMissing => "host_missing",
            Malformed::HostDuplicate => "host_duplicate",
            Malformed::HostSpelling => "host_spelling",
            Malformed::HostMismatch => "host_mismatch",
            Malformed::HostUnknown => "host_unknown",
            Malformed::Framing => "framing_ambiguous",
            Malformed::BodyNotAllowed => "body_not_allowed",
            Malformed::Expectation => "expectation_unsupported",
            Malformed::TrailerNotAllowed => "trailer_not_allowed",
            Malformed::ConnectionNomination => "connection_nomination",
            Malformed::HeaderSpelling => "header_spelling",
            Malformed::HeaderRepeated => "header_repeated",
            Malformed::BodyTooLarge => "body_too_large",
            Malformed::BodyTimeout => "body_timeout",
            Malformed::BodyIncomplete => "body_incomplete",
        }
    }

    /// What to do about it, in one sentence for the caller.
    pub fn advice(self) -> &'static str {
        match self {
            Malformed::MethodSpelling => "send the method in upper case",
            Malformed::MethodRefused => "tools are not called with CONNECT or TRACE",
            Malformed::MethodOverride => "send the real method instead of an override",
            Malformed::PathNotAbsolute => "send a path that starts with a slash",
            Malformed::PathCharacter => "percent-encode that character",
            Malformed::PathEscape => "write `%` as `%25`, or complete the escape",
            Malformed::PathDoubleEscape => "encode the path once",
            Malformed::PathDotSegment => "resolve `.` and `..` before sending",
            Malformed::PathEmptySegment => "send single slashes",
            Malformed::PathEncodedSeparator => "a segment may not hold `/`, `\\` or `;`",
            Malformed::PathControl => "remove control and invisible characters",
            Malformed::PathWhitespace => "remove white space at the edge of the segment",
            Malformed::PathEncoding => "escape the path as UTF-8",
            Malformed::PathNormalisation => "send the path in Unicode normal form C",
            Malformed::PathSegments => "send a shorter path",
            Malformed::Query => "percent-encode the query",
            Malformed::TargetScheme => "send a target without a scheme, or http",
            Malformed::HostMissing => "send one `Host` header",
            Malformed::HostDuplicate => "send one `Host` header, not several",
            Malformed::HostSpelling => "send a host name or address and at most a port",
            Malformed::HostMismatch => "name one host, in the target or in `Host`",
            Malformed::HostUnknown => "call a host that is served here",
            Malformed::Framing => "send `Content-Length` or `Transfer-Encoding: chunked`, once",
            Malformed::BodyNotAllowed => "send no body with GET or HEAD",
            Malformed::Expectation => "expect nothing but `100-continue`",
            Malformed::TrailerNotAllowed => "send that field in the head, not as a trailer",
            Malformed::ConnectionNomination => "do not name end-to-end fields in `Connection`",
            Malformed::HeaderSpelling => "write the header name with dashes",
            Malformed::HeaderRepeated => "send credentials and content type once",
            Malformed::BodyTooLarge => "send a smaller body",
            Malformed::BodyTimeout => "send the body faster",
            Malformed::BodyIncomplete => "send the whole body",
        }
    }

    /// Whether the connection ends behind the answer (RFC 9112, 6.3 and 11.2): where the body ends
    /// is doubtful, and what follows could be taken for a request.
    pub fn ends_connection(self) -> bool {
        matches!(
            self,
            Malformed::Framing
                | Malformed::BodyNotAllowed
                | Malformed::Expectation
                | Malformed::MethodRefused
                | Malformed::HeaderSpelling
                | Malformed::BodyTooLarge
                | Malformed::BodyTimeout
                | Malformed::BodyIncomplete
        )
    }

    /// The HTTP status that fits (design section 5).
    pub fn status(self) -> StatusCode {
        match self {
            Malformed::HostUnknown => StatusCode::MISDIRECTED_REQUEST,
            Malformed::Expectation => StatusCode::EXPECTATION_FAILED,
            Malformed::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Malformed::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}
