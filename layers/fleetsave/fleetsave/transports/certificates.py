"""Which certificates are believed, and what to do about one that is not."""

import ssl

from fleetsave.model.errors import ConfigurationError, TransportError
from fleetsave.model.fleet_parts import Https

# OpenSSL's numbers, from its x509_vfy.h.
_NOT_YET_VALID, _EXPIRED = 9, 10
_WRONG_NAME = (62, 64)
_UNKNOWN_AUTHORITY = (2, 18, 19, 20, 21)


def context_of(https: Https) -> ssl.SSLContext:
    """Return how TLS is spoken: 1.2 or later, verified by the fleet file's authority alone, or by the system's.

    Raise ConfigurationError if the authority's certificate cannot be read.
    """
    try:
        context = ssl.create_default_context(cadata=https.ca_certificate)
    except (ssl.SSLError, ValueError) as error:
        raise ConfigurationError(
            "read", "https.ca_certificate", f"it is not a certificate in PEM: {getattr(error, 'reason', None) or error}",
            "Give the authority's certificate, from -----BEGIN CERTIFICATE----- to its end.",
        ) from None  # fmt: skip
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def certificate_error(target: str, error: ssl.SSLCertVerificationError) -> TransportError:
    """Return the error for a certificate that is not believed, with what a person should do; nothing was sent to the server."""
    code = error.verify_code
    if code == _EXPIRED:
        cause, hint = "the agent's certificate has expired", "Give the agent a new one, and start it again."
    elif code == _NOT_YET_VALID:
        cause, hint = "the agent's certificate is not valid yet", "Compare the clocks of both sides."
    elif code in _WRONG_NAME:
        cause = "the agent's certificate is for another name"
        hint = "Write the name or address that stands in the certificate into https.url, or have one made for this one."
    elif code in _UNKNOWN_AUTHORITY:
        cause = "the agent's certificate is of an authority that is not known here"
        hint = "Give that authority's certificate as https.ca_certificate; if it is there, somebody else may be answering."
    else:
        cause, hint = "the agent's certificate is not valid", "Have a new one made."
    return TransportError("connect to", target, f"{cause} ({error.verify_message})", hint)
