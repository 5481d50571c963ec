"""The trusted issuers, in memory: CSCA certificates and revocation lists, and which of them belongs to what.

Not responsible for where they come from (`store`) nor for judging a certificate by them (`chain`). Whoever puts a
certificate in here trusts it; link certificates are in here as any other, because master lists carry them.
"""

from collections import defaultdict
from collections.abc import Iterable

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
        self._verified: dict[bytes, bool] = {}
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

    def crls_for(self, one: Certificate) -> tuple[Crl, ...]:
        """The revocation lists that its issuer, under an old or a new name, has signed, the newest first."""
        family = self._head(one.issuer)
        found = [crl for crl in self.crls if self._head(crl.issuer) == family and self.vouches_for(crl)]
        return tuple(sorted(found, key=lambda crl: (crl.this_update, crl.number or 0), reverse=True))

    def vouches_for(self, crl: Crl) -> bool:
        """Whether the issuer this list names has signed it: another state's key must not revoke here."""
        if crl.raw not in self._verified:
            family = self._head(crl.issuer)
            signers = [one for one in self.candidates(crl) if self._head(one.subject) == family]
            self._verified[crl.raw] = any(_signed(crl, one) for one in signers)
        return self._verified[crl.raw]


def _signed(crl: Crl, by: Certificate) -> bool:
    try:
        return crl.is_signed_by(by)
    except DocumentFault:
        return False  # a key or an algorithm unknown here proves nothing
