"""The tokenizer of the zoo's text encoders: one token per word that captions of scenes hold."""

from typing import Any

from evaluation.datasets.scenes import COLOURS, OPPOSITE, SHAPES

SPECIAL = ("<pad>", "<start>", "<unknown>", "<end>")
WORDS = (*COLOURS, *SHAPES, *sorted({word for relation in OPPOSITE for word in relation.split()}), "and")
LONGEST = 12
"""Tokens that fit, start and end among them; a list of three objects needs nine."""


def word_tokenizer() -> Any:
    """A tokenizer in the library's format. Articles are dropped, so that "a red ring" is "red ring"."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: at for at, word in enumerate((*SPECIAL, *WORDS))}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token=SPECIAL[2]))
    core.normalizer = normalizers.Sequence(
        [
            normalizers.Lowercase(),
            normalizers.Replace(Regex(r"\b(a|an|the)\b"), " "),
            normalizers.Replace(Regex(r"[.,;:!?]"), " "),
        ]
    )
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    core.post_processor = processors.TemplateProcessing(
        single="<start> $A <end>", special_tokens=[("<start>", 1), ("<end>", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core, model_max_length=LONGEST, model_input_names=["input_ids", "attention_mask"],
        **dict(zip(("pad_token", "bos_token", "unk_token", "eos_token"), SPECIAL, strict=True)),
    )  # fmt: skip
