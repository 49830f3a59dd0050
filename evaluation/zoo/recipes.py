"""Which models the zoo holds, what they stand in for, and what is measured on them. Imports no torch."""

from dataclasses import dataclass

from graph.errors import UnknownName


@dataclass(frozen=True)
class Recipe:
    """A small model that this project trains itself.

    Attributes:
        name: of its folder; `zoo/NAME` is its hub id.
        paper: key of the paper whose method it shows.
        task: what it does, in the hub's words.
        method: where its architecture and training are, as `module:Class`; the module's PLAN says how long.
        about: what it learned to do, and how it differs from the paper's model.
        measured: tasks and how many examples of each.
    """

    name: str
    title: str
    paper: str
    library: str
    loader_class: str
    task: str
    method: str
    about: str
    measured: tuple[tuple[str, int], ...]

    @property
    def hub_id(self) -> str:
        """What commands call it."""
        return f"zoo/{self.name}"


RECIPES = (
    Recipe(
        name="clip-scenes",
        title="CLIP on scenes",
        paper="clip",
        library="transformers",
        loader_class="CLIPModel",
        task="zero-shot-image-classification",
        method="evaluation.zoo.clip:Contrast",
        about="Learned which caption belongs to which scene, by contrast within batches. Images of 32 x "
        "32 pixels in patches of 8 and a vocabulary of 24 words; CLIP ViT-B/32 is 790 times as large.",
        measured=(("classification", 500), ("relations", 500), ("retrieval", 200)),
    ),
    Recipe(
        name="diffusion-digits",
        title="Class-conditional diffusion on digits",
        paper="ddpm",
        library="diffusers",
        loader_class="UNet2DModel",
        task="class-to-image",
        method="evaluation.zoo.diffusion_digits:ClassDiffusion",
        about="Learned to take noise out of handwritten digits of 8 x 8 pixels, told which digit it is; "
        "one time in ten it was not told. Unlike the paper's model it knows classes, and its noise "
        "follows a cosine.",
        measured=(("classification", 500), ("generation", 200)),
    ),
    Recipe(
        name="diffusion-scenes",
        title="Text-conditional diffusion on scenes",
        paper="ldm",
        library="diffusers",
        loader_class="UNet2DConditionModel",
        task="text-to-image",
        method="evaluation.zoo.diffusion_scenes:TextDiffusion",
        about="Learned to take noise out of the same scenes that clip-scenes learned from, told the same "
        "captions through cross-attention; its text encoder learned with it. It works on 16 x 16 "
        "pixels directly, where the paper's model has an autoencoder. Its weights are stored in "
        "half precision.",
        measured=(("classification", 200), ("relations", 400), ("generation", 96)),
    ),
    Recipe(
        name="sam-scenes",
        title="SAM on scenes",
        paper="sam",
        library="transformers",
        loader_class="SamModel",
        task="mask-generation",
        method="evaluation.zoo.sam:Promptable",
        about="Learned to cut out the object of a scene that a click or a box points at. Images of 32 x "
        "32 pixels in patches of 4, where the paper's model sees 1024 x 1024.",
        measured=(("segment-point", 200), ("segment-box", 200)),
    ),
    Recipe(
        name="mae-digits",
        title="MAE on digits",
        paper="mae",
        library="transformers",
        loader_class="ViTMAEForPreTraining",
        task="image-feature-extraction",
        method="evaluation.zoo.mae:Masked",
        about="Learned to make up the half of a handwritten digit that is hidden, from the half that is "
        "not, in patches of 2 x 2 pixels; the paper's model hides three quarters of photographs.",
        measured=(("neighbours", 500), ("linear-probe", 500), ("reconstruction", 200)),
    ),
)


def find_recipe(name: str) -> Recipe:
    """The recipe of a name, with or without `zoo/`. Raises UnknownName."""
    for recipe in RECIPES:
        if name.removeprefix("zoo/") == recipe.name:
            return recipe
    raise UnknownName("zoo model", name, [recipe.name for recipe in RECIPES], allowed=True)
