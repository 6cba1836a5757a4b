import numpy as np
import pytest
import torch

from ecg_byte_hf.reading.row_starts import token_vectors
from ecg_byte_hf.reading.vocabulary import draw_rows, resize_embeddings

from ..small_tokenizer import small_processor
from . import tiny


def started(processor, tied=True, seed=0, spread=1.0):
    """A model whose new rows start from waveforms; the known rows and the new ones."""
    tokenizer, _ = tiny.chat_tokenizer()
    model = tiny.llama(tokenizer, tied)
    known = len(tokenizer)
    vectors = token_vectors(processor)
    resize_embeddings(model, known + len(vectors))
    rows = range(known, known + len(vectors))
    draw_rows(model, rows, seed, spread, vectors)
    matrices = [model.get_input_embeddings().weight, model.get_output_embeddings().weight]
    return [(m[:known].detach(), m[known : rows.stop].detach()) for m in matrices]


def cosines(rows):
    rows = rows - rows.mean(0)
    rows = rows / rows.norm(dim=1, keepdim=True)
    return (rows @ rows.T).numpy()


@pytest.mark.parametrize("preset", ["paper", "compact", "beat", "beat-placed", "beat-named"])
def test_tokens_of_like_waveforms_start_alike(preset):
    processor = small_processor(preset)
    count = processor.ecg_vocabulary_size
    waves = np.zeros((count - 21, 12, 192))
    for one, i in zip(waves, range(21, count), strict=True):
        one[:] = processor.token_waveform(i)[:, :192]
    waves = waves.reshape(len(waves), -1)
    telling = np.linalg.norm(waves, axis=1) > 0
    shapes = waves[telling] / np.linalg.norm(waves[telling], axis=1, keepdims=True)
    alike = shapes @ shapes.T
    (_, rows), _ = started(processor)
    near = cosines(rows[21:][torch.from_numpy(telling)])
    off = ~np.eye(len(near), dtype=bool)
    similar, unlike = near[off & (alike > 0.9)], near[off & (abs(alike) < 0.1)]
    assert len(similar) > 50
    assert np.mean(similar) > np.mean(unlike) + 0.25
    assert np.corrcoef(near[off], alike[off])[0, 1] > 0.5


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_rows_have_the_statistics_of_the_known_ones_and_no_two_are_the_same(tied):
    for known, new in started(small_processor("beat-placed"), tied=tied):
        torch.testing.assert_close(new.mean(0), known.mean(0), atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(new.std(0), known.std(0), atol=1e-5, rtol=1e-4)
        assert len(torch.unique(new, dim=0)) == len(new)


def test_the_same_seed_gives_the_same_rows_and_half_the_spread_half_of_it():
    processor = small_processor("beat-placed")
    (known, one), _ = started(processor)
    (_, again), _ = started(processor)
    (_, other), _ = started(processor, seed=1)
    (_, half), _ = started(processor, spread=0.5)
    assert torch.equal(one, again)
    assert not torch.allclose(one, other)
    torch.testing.assert_close(half.std(0), 0.5 * known.std(0), atol=1e-5, rtol=1e-4)


def test_a_block_without_values_is_near_its_own_component():
    """Of placed words: its symbol alone decodes to nothing, and says where values will stand."""
    processor = small_processor("beat-placed")
    codec = processor.feature_extractor.codec
    names = processor.tokenizer.convert_ids_to_tokens(range(processor.ecg_vocabulary_size))
    cells = [i for i, name in enumerate(names) if len(name) == 1 and name in codec.piece_starts[1:]]
    vectors = token_vectors(processor)[cells]
    channels = np.array([codec.usual_channel(names[i]) for i in cells])
    assert len(set(channels)) == 8
    vectors = vectors - vectors.mean(axis=0)
    alike = vectors @ vectors.T
    same = channels[:, None] == channels[None]
    off = ~np.eye(len(cells), dtype=bool)
    assert alike[same & off].mean() > alike[~same].mean() + 0.1
    blocks = np.array([codec.piece_starts[1:].index(names[i]) % 12 for i in cells])
    next_to = abs(blocks[:, None] - blocks[None]) == 1
    far = abs(blocks[:, None] - blocks[None]) > 3
    assert alike[same & next_to].mean() > alike[same & far].mean() + 0.1
