"""The trusted issuers, in memory: CSCA certificates and revocation lists, and which of them belongs to what.

Not responsible for where they come from (`store`) nor for judging a certificate by them (`chain`). Whoever puts a
certificate in here trusts it; link certificates are in here as any other, because master lists carry them.
"""

from collections import defaultdict
from collections.abc import Iterable, Set

from appliance.document.reasons import DocumentFault
from appliance.document.trust.certificate import Certificate, Crl, Name, Signed, country_of


class Anchors:
    """Looks up by key identifier and by name, never by one alone: several keys have one name, and names change."""

    def __init__(self, certificates: Iterable[Certificate], crls: Iterable[Crl] = ()) -> None:
        self.certificates = tuple({one.raw: one for one in certificates}.values())
        self.crls = tuple(crls)
        self._by_key_id: dict[bytes, list[Certificate]] = defaultdict(list)
        self._by_name: dict[Name, list[Certificate]] = defaultdict(list)
        self._family: dict[Name, Name] = {}
        self._signers: dict[bytes, tuple[Certificate, ...]] = {}
        for one in self.certificates:
            if one.key_id is not None:
                self._by_key_id[one.key_id].append(one)
            self._by_name[one.subject].append(one)
            self._relate(one)

    def _relate(self, one: Certificate) -> None:
        """A link certificate makes the two names of a state one issuer (9303-12 section 4.2)."""
        if one.subject != one.issuer and one.country and country_of(one.issuer) == one.country:
            self._family[self._head(one.subject)] = self._head(one.issuer)

    def _head(self, name: Name) -> Name:
        while (above := self._family.get(name, name)) != name:
            name = above
        return name

    def keys_of(self, signed: Signed) -> tuple[Certificate, ...]:
        """Certificates whose key identifier is the one named as issuer's."""
        if signed.authority_key_id is None:
            return ()
        return tuple(self._by_key_id.get(signed.authority_key_id, ()))

    def candidates(self, signed: Signed) -> tuple[Certificate, ...]:
        """Who may have signed it: first by key identifier, then by name. The signature decides."""
        found = (*self.keys_of(signed), *self._by_name.get(signed.issuer, ()))
        return tuple({one.raw: one for one in found}.values())

    def crls_for(self, one: Certificate, issuer: Certificate) -> tuple[Crl, ...]:
        """The revocation lists for a certificate and the issuer in here that signed it, the newest first.

        A list of the issuer's name or of one linked to it; but some states (Great Britain, Turkey, Luxembourg) keep
        several issuers of one name, each with its own list, told apart by what the list is called where it lies.
        """
        family, files = self._head(one.issuer), one.crl_files or issuer.crl_files
        found = [
            crl
            for crl in self.crls
            if self._head(crl.issuer) == family and self._covers(crl, {issuer.public_key_info}, files)
        ]
        return tuple(sorted(found, key=lambda crl: (crl.this_update, crl.number or 0), reverse=True))

    def same_line(self, crl: Crl, other: Crl) -> bool:
        """Whether one list takes the place of the other: of one name, and of one issuer as above."""
        signers = self.signers_of(other)
        keys = {one.public_key_info for one in signers}
        return crl.issuer == other.issuer and self._covers(crl, keys, _files(signers))

    def _covers(self, crl: Crl, keys: Set[bytes], files: Set[str]) -> bool:
        signers = self.signers_of(crl)
        theirs = _files(signers)
        same_list = not files or not theirs or bool(files & theirs)
        return bool(signers) and (same_list or any(one.public_key_info in keys for one in signers))

    def signers_of(self, crl: Crl) -> tuple[Certificate, ...]:
        """Who of the issuer this list names has signed it: another state's key must not revoke here."""
        if crl.raw not in self._signers:
            family = self._head(crl.issuer)
            named = [one for one in self.candidates(crl) if self._head(one.subject) == family]
            self._signers[crl.raw] = tuple(one for one in named if _signed(crl, one))
        return self._signers[crl.raw]


def _files(certificates: Iterable[Certificate]) -> frozenset[str]:
    return frozenset(file for one in certificates for file in one.crl_files)


def _signed(crl: Crl, by: Certificate) -> bool:
    try:
        return crl.is_signed_by(by)
    except DocumentFault:
        return False  # a key or an algorithm unknown here proves nothing
