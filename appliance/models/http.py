"""The opener for `manager.fetch` that really goes to the network: HTTPS only, no cookies, no credentials."""

import contextlib
import http.client
import urllib.error
import urllib.parse
import urllib.request
from typing import IO

from appliance.models.manager import Download


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    """A redirect may change the host (release files live elsewhere) but never leave HTTPS."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Refuse a redirect to anything but HTTPS. Raises OSError."""
        _require_https(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _require_https(url: str) -> None:
    if urllib.parse.urlsplit(url).scheme != "https":
        raise OSError(f"refused to fetch {url}: not HTTPS")


class HttpDownload:
    """A reply of a web server as a `manager.Download`."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self._response = response
        announced = response.headers.get("Content-Length", "")
        self.length = int(announced) if announced.isdigit() else None

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, empty at the end. Raises OSError, also for a reply cut short."""
        try:
            # read1 returns what has come: read would wait for the whole piece and hide a dripping server.
            return self._response.read1(size)
        except http.client.HTTPException as error:
            raise OSError(f"the reply broke off: {error!r}") from error

    def close(self) -> None:
        """Drop the connection."""
        with contextlib.suppress(OSError):
            self._response.close()


def open_https(url: str, timeout_s: float) -> Download:
    """Open an HTTPS URL; proxies of the environment apply. Raises OSError."""
    _require_https(url)
    return open_with(urllib.request.build_opener(_HttpsOnly), url, timeout_s)


def open_with(opener: urllib.request.OpenerDirector, url: str, timeout_s: float) -> Download:
    """Open a URL with this opener. Raises OSError, with the server's status when it refused."""
    try:
        return HttpDownload(opener.open(url, timeout=timeout_s))
    except http.client.HTTPException as error:
        raise OSError(f"not an HTTP reply: {error!r}") from error
    except urllib.error.HTTPError as error:
        error.close()
        raise OSError(f"the server answered {error.code} {error.reason}") from error
