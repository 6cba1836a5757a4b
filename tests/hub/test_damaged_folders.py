"""Folders that somebody edited, and links in them: one line before anything is sent."""

from __future__ import annotations

import json

import pytest

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.hub.cards import CARD_FILE
from ecg_byte_hf.hub.folders import recognise
from ecg_byte_hf.hub.generated import generated_files
from ecg_byte_hf.hub.push import plan_push, push
from ecg_byte_hf.hub_code.licences import hub_licence
from tests.hub.finished_folders import imported_folder, model_folder


@pytest.fixture
def imported(tmp_path):
    return imported_folder(tmp_path / "imported")


@pytest.fixture
def model(made, tmp_path):
    return model_folder(made / "tokenizer", tmp_path / "model")


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def refused(folder, match, **options):
    """One line that names the folder, and nothing written into it."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(EcgByteError, match=match) as caught:
        push(folder, "org/x", **options)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 1000
    assert message.startswith(str(folder))
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


DEEP = "[" * 100_000
BAD_TOKENIZERS = ["{", "{}", "[]", "", "null", '{"model": 3}', '{"model": {"vocab": 3}}', DEEP]


@pytest.mark.parametrize("text", BAD_TOKENIZERS, ids=lambda text: text[:12])
@pytest.mark.parametrize("card", [True, False], ids=["card", "no card"])
def test_an_imported_tokenizer_that_cannot_be_loaded_stays(hub, imported, text, card):
    (imported / "tokenizer.json").write_text(text)
    if not card:
        (imported / CARD_FILE).unlink()
        with pytest.raises(EcgByteError):
            generated_files(imported, recognise(imported))
    refused(imported, r"tokenizer\.json: ")
    assert hub.faults.requests == []


def one_token_less(folder):
    edit(folder / "tokenizer.json", lambda c: c.update(added_tokens=[]))
    edit(folder / "tokenizer.json", lambda c: c["model"]["vocab"].popitem())


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (one_token_less, r"has 257 tokens where imported_from\.json says 258"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "no such file"),
        (lambda folder: edit(folder / "imported_from.json", lambda c: c.pop("tokens")), "None"),
        (lambda folder: (folder / "imported_from.json").write_text("[]"), "no JSON object"),
    ],
)
def test_an_imported_tokenizer_of_other_facts_stays(hub, imported, break_it, message):
    break_it(imported)
    refused(imported, message)
    assert hub.faults.requests == []


def test_an_imported_tokenizer_without_a_card_gets_one(hub, imported):
    card = (imported / CARD_FILE).read_text()
    (imported / CARD_FILE).unlink()
    push(imported, "org/imported", quiet=True)
    assert (imported / CARD_FILE).read_text() == card


def test_hidden_files_do_not_go(hub, tokenizer):
    for name in (".secrets.json", ".env.py", ".me.png"):
        (tokenizer / name).write_text("{}")
    push(tokenizer, "org/ecg-byte", quiet=True)
    files = hub.store.files("model", "org/ecg-byte")
    assert [name for name in files if name.startswith(".")] == [".gitattributes"]


@pytest.mark.parametrize("name", ["notes.json", "processor_config.json", "README.md"])
def test_a_link_that_leads_out_is_refused(hub, tokenizer, tmp_path, name):
    outside = tmp_path / "outside"
    source = tokenizer / name
    outside.write_bytes(source.read_bytes() if source.is_file() else b'{"token": "hf_mine"}')
    source.unlink(missing_ok=True)
    source.symlink_to("../outside")
    refused(tokenizer, f"{name} is a link to {outside}, outside of the folder")
    with pytest.raises(EcgByteError, match="is a link to"):
        plan_push(tokenizer, "org/x")
    assert hub.faults.requests == []


def test_a_folder_inside_that_is_a_link_is_refused(hub, corpus, tmp_path):
    (corpus / "data").rename(tmp_path / "data")
    (corpus / "data").symlink_to(tmp_path / "data")
    refused(corpus, "is a link to")


def test_links_within_the_folder_go_as_files(hub, tokenizer, tmp_path):
    (tokenizer / "ecg.png").rename(tokenizer / "drawn.png")
    (tokenizer / "ecg.png").symlink_to("drawn.png")
    (tmp_path / "link").symlink_to(tokenizer)
    push(tmp_path / "link", "org/ecg-byte", quiet=True)
    files = hub.store.files("model", "org/ecg-byte")
    assert files["ecg.png"] == files["drawn.png"]


TRAININGS = [
    ({"training": 3}, "training is no object"),
    ({"training": [1]}, "training is no object"),
    ({"training": {"corpus": 5}}, "corpus is no object"),
    ({"training": {"corpus": [5]}}, "corpus is no object"),
    ({"training": {"corpus": {"licence": None}}}, "licence of its recordings is 'None'"),
    ({"training": {"corpus": {"licence": 4}}}, "licence of its recordings is '4'"),
    ({"training": {"corpus": {}}}, "licence of its recordings is 'None'"),
]


@pytest.mark.parametrize(("said", "message"), TRAININGS)
@pytest.mark.parametrize("kind", ["tokenizer", "model"])
def test_a_training_of_another_shape_is_said(hub, request, kind, said, message):
    folder = request.getfixturevalue(kind)
    inner = folder / "ecg_tokenizer" if kind == "model" else folder
    edit(inner / "tokenizer_config.json", lambda c: c.update(said))
    refused(folder, message)
    if kind == "tokenizer":
        (folder / CARD_FILE).unlink()
        refused(folder, message)
    assert hub.faults.requests == []


@pytest.mark.parametrize("corpus", [5, "x", {"licence": None}, {}])
def test_the_corpus_of_a_model_of_another_shape_is_said(hub, model, corpus):
    edit(model / "reading.json", lambda c: c.update(corpus=corpus))
    refused(model, r"reading\.json: ")


@pytest.mark.parametrize("feature_extractor", [None, 3, {"auto_map": 3}])
def test_a_model_without_an_extractor_is_said(hub, model, feature_extractor):
    edit(model / "processor_config.json", lambda c: c.update(feature_extractor=feature_extractor))
    refused(model, "no auto_map for AutoFeatureExtractor")


@pytest.mark.parametrize("licence", [None, 3, "", " ", ["cc-by-4.0"]])
@pytest.mark.parametrize("private", [True, False])
def test_a_licence_that_is_no_text_is_none(hub, corpus, licence, private):
    edit(corpus / "corpus.json", lambda c: c.update(licence=licence))
    refused(corpus, "the licence of its recordings is", private=private)
    with pytest.raises(EcgByteError, match="no text"):
        hub_licence(licence)


def test_a_corpus_without_a_licence_is_said(hub, corpus):
    edit(corpus / "corpus.json", lambda c: c.pop("licence"))
    refused(corpus, "the licence of its recordings is")


@pytest.mark.parametrize("splits", [3, [], {"train": 3}, {"train": {}}, {"train": {"rows": "x"}}])
def test_splits_of_another_shape_are_said(hub, corpus, splits):
    edit(corpus / "corpus.json", lambda c: c.update(splits=splits))
    refused(corpus, "how many rows a split has")


REPORTS = [
    ("no overall", lambda r: r.pop("overall")),
    ("overall", lambda r: r.update(overall=3)),
    ("a figure as text", lambda r: r["overall"].update(tokens_mean="many")),
    ("a figure less", lambda r: r["overall"].pop("prd_median")),
    ("no leads", lambda r: r.pop("per_lead")),
    ("leads", lambda r: r.update(per_lead=[1])),
    ("no unit", lambda r: r["settings"].pop("unit")),
    ("no split", lambda r: r["settings"].pop("split")),
]


@pytest.mark.parametrize("damage", [one for _, one in REPORTS], ids=[name for name, _ in REPORTS])
@pytest.mark.parametrize("where", ["given", "in the folder"])
def test_a_report_that_is_not_whole_is_said(hub, tokenizer, tmp_path, damage, where):
    report = json.loads((tokenizer / "fidelity.json").read_text())
    damage(report)
    if where == "given":
        refused(tokenizer, "the report on it is not whole", report=report)
    else:
        (tokenizer / CARD_FILE).unlink()
        (tokenizer / "fidelity.json").write_text(json.dumps(report))
        refused(tokenizer, "the report on it is not whole")
    assert hub.faults.requests == []


@pytest.mark.parametrize("text", ['{"settings": 3}', '{"settings": null}', "{}"])
def test_a_report_of_nothing_is_passed_over(hub, tokenizer, text):
    (tokenizer / CARD_FILE).unlink()
    (tokenizer / "fidelity.json").write_text(text)
    push(tokenizer, "org/ecg-byte", quiet=True)
    assert "fidelity.json" not in hub.store.files("model", "org/ecg-byte")


def test_the_command_says_it_in_one_line(hub, tokenizer, tmp_path, monkeypatch, capsys):
    from ecg_byte_hf.cli import main

    report = json.loads((tokenizer / "fidelity.json").read_text())
    (tmp_path / "report.json").write_text(json.dumps({"settings": report["settings"]}))
    command = ["ecg-byte", "push", str(tokenizer), "org/x", "--report"]
    monkeypatch.setattr("sys.argv", [*command, str(tmp_path / "report.json")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
