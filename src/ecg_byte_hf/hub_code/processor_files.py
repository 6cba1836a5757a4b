"""How a processor is saved to a folder or the Hub, and loaded from there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from transformers.configuration_utils import PreTrainedConfig
from transformers.dynamic_module_utils import custom_object_save
from transformers.processing_utils import ProcessorMixin

from .ecg_ids import BEGIN
from .errors import EcgByteError, one_line
from .feature_extraction_ecg_byte import EcgByteFeatureExtractor
from .licences import check_licence
from .repository_card import corpus_licence, write_card
from .repository_files import (
    PROCESSOR_FILE,
    check_ecg_tokenizer_files,
    check_repository_files,
    find_file,
)
from .tokenizer_files import save_empty_model_config, save_portable_tokenizer

ECG_TOKENIZER_FOLDER = "ecg_tokenizer"

# Beside this code in the package; what travels to the Hub is this code without it.
_BUNDLED = Path(__file__).resolve().parents[1] / "bundled"

# A value from a file may be in the message, and be as long as the file.
_LONGEST_REASON = 500

_EXTRACTOR_FILE = "preprocessor_config.json"

# Other folders of ours, by a file that only they have.
_OTHERS = {
    "corpus.json": "it is a corpus",
    "encoder/projector.safetensors": "it is a two-stage model, which has no tokenizer of ECGs",
    "imported_from.json": "it is an imported tokenizer without amplitudes",
}

_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


class ProcessorFiles(ProcessorMixin):
    """The half of `EcgByteProcessor` that files are the subject of."""

    feature_extractor: EcgByteFeatureExtractor
    tokenizer: Any
    ecg_tokenizer: Any

    def to_dict(self) -> dict[str, Any]:
        """The configuration as `processor_config.json` holds it."""
        config = {
            "processor_class": type(self).__name__,
            "feature_extractor": self.feature_extractor.to_dict(),
        }
        auto_map = getattr(self, "auto_map", None)
        return config | ({"auto_map": auto_map} if auto_map else {})

    def save_pretrained(
        self, save_directory: str | Path, push_to_hub: bool = False, **kwargs: Any
    ) -> list[str]:
        """Write tokenizer, extractor, processor config and the code that loads them without us.

        A second tokenizer goes into the subfolder `ecg_tokenizer/`. `push_to_hub=True` uploads the
        folder as `PushToHubMixin.push_to_hub` does.
        """
        if push_to_hub:
            self.push_to_hub(kwargs.pop("repo_id", Path(save_directory).name), **kwargs)
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        custom_object_save(self, str(folder), config=self)  # type: ignore[arg-type]
        self.feature_extractor.save_pretrained(str(folder))
        for tokenizer, place in (
            (self.tokenizer, folder),
            (self.ecg_tokenizer, folder / ECG_TOKENIZER_FOLDER),
        ):
            if tokenizer is not None:
                tokenizer._set_processor_class(type(self).__name__)
                save_portable_tokenizer(tokenizer, place)
        if self.ecg_tokenizer is None:
            save_empty_model_config(folder)
        path = folder / "processor_config.json"
        path.write_text(
            json.dumps(self.to_dict(), indent=2, sort_keys=True) + "\n", encoding="utf-8"
        )
        return [str(path)]

    def push_to_hub(self, repo_id: str, **kwargs: Any) -> str:
        """`PushToHubMixin.push_to_hub`, with a card that says what this is.

        A card that is in the repository stays, unless it is an empty template or that of another
        tokenizer. Raises `EcgByteError` where the licence of the ECGs that the tokenizer was
        trained on forbids sharing.
        """
        licence = corpus_licence(self)
        if licence is not None:
            check_licence(repo_id, licence)
        return str(super().push_to_hub(repo_id, **kwargs))

    def _upload_modified_files(
        self, working_dir: Any, repo_id: str, *args: Any, **kwargs: Any
    ) -> Any:
        # By now transformers has put its card, or the repository's, into the folder.
        write_card(self, Path(working_dir), repo_id)
        return super()._upload_modified_files(working_dir, repo_id, *args, **kwargs)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args: Any, **kwargs: Any) -> Any:
        """Load from a folder or a Hub repository, as transformers does.

        Raises `EcgByteError` where there is no such folder or repository, or no processor in it.
        """
        name = str(pretrained_model_name_or_path)
        if Path(name).is_dir():
            _check_folder(name, kwargs)
        else:
            _check_on_hub(name, kwargs)
        check_repository_files(name, kwargs)
        try:
            return super().from_pretrained(name, *args, **kwargs)
        except EcgByteError as error:
            reason = one_line(error, _LONGEST_REASON)
            raise EcgByteError(reason if reason.startswith(name) else f"{name}: {reason}") from None
        except BaseException as error:
            # The files are anybody's, and there is no end to what libraries raise over them:
            # `tokenizers` plain Exception, or the panic of a Rust thread, which is no Exception.
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            raise EcgByteError(
                f"{name}: no ECG processor could be loaded from this folder or Hub repository "
                f"({type(error).__name__}: {one_line(error)}); "
                "make one with `ecg-byte train-tokenizer`"
            ) from error

    @classmethod
    def from_bundled(cls, name: str) -> Any:
        """A processor that comes with the package: no corpus, no network.

        `"ptb-xl"`: the default preset, fitted on PTB-XL's folds 1 to 8 (its card, CC BY 4.0, is
        `bundled/ptb-xl/README.md`). Raises `EcgByteError` for any other name.
        """
        names = sorted(path.parent.name for path in _BUNDLED.glob("*/processor_config.json"))
        if name not in names:
            raise EcgByteError(
                f"{name!r}: no bundled tokenizer of this name; there are: "
                f"{', '.join(names) or 'none, install ecg-byte-hf for them'}"
            )
        return cls.from_pretrained(_BUNDLED / name)

    @classmethod
    def get_attributes(cls) -> list[str]:
        """The parts that every repository has; the second tokenizer is optional."""
        return ["feature_extractor", "tokenizer"]

    @classmethod
    def _get_arguments_from_pretrained(
        cls,
        pretrained_model_name_or_path: Any,
        processor_dict: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> list[Any]:
        # Not through AutoFeatureExtractor: that would ask for trust_remote_code for a class that
        # is at hand.
        from transformers import AutoTokenizer

        kwargs["trust_remote_code"] = False
        name = pretrained_model_name_or_path
        extractor = EcgByteFeatureExtractor.from_pretrained(name, **kwargs)
        # The class stands in tokenizer_config.json. AutoTokenizer would look for a config.json, and
        # fail offline where a cache does not say that there is none.
        kwargs["config"] = PreTrainedConfig()
        tokenizer = AutoTokenizer.from_pretrained(name, **kwargs)
        if tokenizer.bos_token == BEGIN:
            return [extractor, tokenizer]
        kwargs["subfolder"] = str(Path(kwargs.get("subfolder", "")) / ECG_TOKENIZER_FOLDER)
        check_ecg_tokenizer_files(name, kwargs)
        return [extractor, tokenizer, AutoTokenizer.from_pretrained(name, **kwargs)]

    @staticmethod
    def get_possibly_dynamic_module(module_name: str) -> Any:
        """Nothing: transformers asks for the class of an audio tokenizer, of any repository."""
        raise EcgByteError(
            f"processor: an ECG processor has no parts of class {str(module_name)[:60]!r}"
        )


def _check_folder(name: str, kwargs: dict[str, Any]) -> None:
    """Say what a folder without a processor is, where transformers would ask for a local copy."""
    folder = Path(name) / kwargs.get("subfolder", "")
    if any((folder / file).is_file() for file in (PROCESSOR_FILE, _EXTRACTOR_FILE)):
        return
    what = next((what for mark, what in _OTHERS.items() if (folder / mark).is_file()), "")
    raise EcgByteError(
        f"{name}: no ECG processor here ({what or f'no {PROCESSOR_FILE} in it'}); give a folder "
        f"that `ecg-byte train-tokenizer` or finetune.py wrote, or a Hub repository"
    )


def _check_on_hub(name: str, kwargs: dict[str, Any]) -> None:
    """One look for the processor, where transformers would look for eight files, retrying each."""
    found = None
    reason = "no such folder"
    if _REPOSITORY.fullmatch(name):
        try:
            found = find_file(name, PROCESSOR_FILE, kwargs)
            reason = "no processor_config.json in it"
        except (OSError, ValueError) as error:
            reason = "no such folder, and on the Hub: " + one_line(error, 200)
    if found is None:
        raise EcgByteError(
            f"{name}: no ECG processor here ({reason}); give a folder that `ecg-byte "
            f"train-tokenizer` or finetune.py wrote, or a Hub repository"
        )
