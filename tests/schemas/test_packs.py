"""Packs give back every document as it was, hold each distinct one once, and stay within their bound."""

from hashlib import sha256

from schemas.packs import PACK_BYTES, Packer, repack, unpack


def packed(*documents: bytes) -> Packer:
    packer = Packer()
    for document in documents:
        packer.add(sha256(document).digest(), document)
    packer.close()
    return packer


def contents(packer: Packer) -> list[bytes]:
    packs = {pack.pack_id: unpack(pack.content) for pack in packer.packs}
    return [packs[one.pack_id][one.first : one.first + one.byte_count] for one in packer.slices]


def test_every_document_comes_back() -> None:
    documents = [b"", b"one", b"two" * 1_000, bytes(range(256))]
    assert contents(packed(*documents)) == documents


def test_what_repeats_lies_there_once() -> None:
    packer = packed(b"one", b"two", b"one")
    assert contents(packer) == [b"one", b"two"]
    assert [pack.byte_count for pack in packer.packs] == [6]


def test_packs_are_bounded_and_their_keys_follow_from_what_they_hold() -> None:
    documents = [bytes([number]) * (PACK_BYTES // 3) for number in range(8)]
    one, two = packed(*documents), packed(*documents)
    assert contents(one) == documents
    assert [pack.byte_count // (PACK_BYTES // 3) for pack in one.packs] == [4, 4]
    assert one.packs == two.packs
    assert len({pack.pack_id for pack in one.packs}) == 2


def test_what_is_left_out_is_in_no_new_pack() -> None:
    packer = packed(b"keep", b"drop this", b"keep too")
    kept = [one for one in packer.slices if one.byte_count != len(b"drop this")]
    ((pack, places),) = repack(packer.packs[0].content, kept)
    data = unpack(pack.content)
    assert data == b"keepkeep too"
    assert [data[one.first : one.first + one.byte_count] for one in places] == [b"keep", b"keep too"]
    assert pack.pack_id != packer.packs[0].pack_id
    assert list(repack(packer.packs[0].content, [])) == []


def test_nothing_makes_no_pack() -> None:
    assert packed().packs == []
