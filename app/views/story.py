"""One question put to two kinds of model: one compares images with words, one paints images from words."""

from collections.abc import Sequence

import streamlit as st

from app.checkpointparts.numbers import STAND_IN, checkpoint_link, interval_chart, result_row
from app.checkpointparts.running import show_progress
from app.evaluations import Ask
from app.parts import plain
from app.state import evaluations, open_library, reading
from app.views.leaderboard import show_comparison
from evaluation import zoo
from evaluation.results import Run, list_runs
from evaluation.story import (
    CONTRASTIVE,
    DATASET,
    GENERATIVE,
    QUESTIONS,
    Answer,
    ShownScene,
    Story,
    story_requests,
    tell,
)
from evaluation.tasks.spec import find_task

_WORDS = {
    "classification": "What is in the picture?",
    "relations": "Which is left of, right of, above or below which?",
}
_KINDS = {
    CONTRASTIVE: ("Contrastive", "puts image and sentence into one space and measures how close they are"),
    GENERATIVE: (
        "Generative",
        "adds noise to the image and asks with which sentence in mind it predicts that noise best",
    ),
}
_SIZES = (50, 100, 200, 500)
_SIDE = 96


def show() -> None:
    """Draw the story for the question that the URL names."""
    st.session_state["shown"] = ("story", "")
    st.title("Two ways to the same answer", anchor=False)
    st.markdown(
        "The survey's thesis is that understanding and generating images grow together. Here is a small test "
        "of it: a model that was trained to **paint** scenes from sentences is never told to classify. It "
        "can be asked all the same, and its answer stands beside that of a model made for the task."
    )
    for hub_id, (kind, words) in _KINDS.items():
        st.markdown(f"- **{kind}** ({plain(hub_id)}) {words}.")
    missing = [hub_id for hub_id in _KINDS if hub_id not in {model.hub_id for model in zoo.models()}]
    if missing:
        st.info(
            plain(
                f"{' and '.join(missing)} does not ship with this release, so the story cannot be told yet."
            )
            + " The other one can be measured by itself.",
            icon=":material/info:",
        )
        for hub_id in _KINDS:
            if hub_id not in missing:
                checkpoint_link(hub_id)
        return
    words = st.segmented_control(
        "Question", [_WORDS[each] for each in QUESTIONS], default=_WORDS[QUESTIONS[0]], required=True,
        key="question", bind="query-params", label_visibility="collapsed",
    )  # fmt: skip
    task = next((each for each in QUESTIONS if _WORDS[each] == words), QUESTIONS[0])
    st.caption(plain(find_task(task).question))
    _run(task)
    told = _told(task)
    if told is None:
        st.markdown("Not asked on this machine yet: choose how many scenes and ask both.")
    else:
        _tell(told)
    st.caption(plain(STAND_IN))


def _run(task: str) -> None:
    asked = {ask.task for ask in evaluations().state.asks}
    if show_progress(shows_end=task in asked and evaluations().state.error is not None):
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox("Scenes", _SIZES, index=1, key=f"n-{task}", width=120)
        st.button(
            "Ask both on this machine", type="primary", icon=":material/play_arrow:",
            on_click=_start, args=(task,),
        )  # fmt: skip


def _start(task: str) -> None:
    n = st.session_state[f"n-{task}"]
    evaluations().start([Ask(hub_id, task, DATASET, n) for hub_id in (CONTRASTIVE, GENERATIVE)])


def _told(task: str) -> Story | None:
    """The story from the newest pair of results that both are there."""
    with reading() as session:
        runs = [run for run in list_runs(session, task=task) if run.state == "done" and run.seed == 0]
    for run in runs:
        others = {each.hub_id for each in runs if each.dataset_fingerprint == run.dataset_fingerprint}
        if {CONTRASTIVE, GENERATIVE} <= others and run.dataset == DATASET and run.n:
            ids = tuple(sorted(each.id or 0 for each in runs))
            found = _from_results(task, run.n, ids)
            if found is not None:
                return found
    return None


@st.cache_data(max_entries=8)
def _from_results(task: str, n: int, runs: tuple[int, ...]) -> Story | None:
    return tell(open_library(), story_requests(task, n=n))


def _tell(story: Story) -> None:
    first, second = story.runs
    st.subheader(plain(f"{first.n or 0:,} scenes, the same for both"), anchor=False)
    st.markdown(plain(_in_words(story.runs)))
    st.altair_chart(
        interval_chart(story.runs, first.chance), width="stretch",
        alt="Share of right answers of both models with 95% intervals; the table below lists them",
    )  # fmt: skip
    st.caption("Dashed: chance. Lines: 95% intervals.")
    st.table([result_row(run, named=True) for run in story.runs], border="horizontal", hide_index=True)
    show_comparison(story.comparison)
    _scenes(story.scenes)
    took = [run.seconds or 0.0 for run in (first, second)]
    if min(took) > 0:
        st.caption(
            plain(
                f"The generative model took {took[1] / took[0]:.0f} times as long: it looks at every image "
                "once per sentence and noise, the contrastive one once."
            )
        )


def _in_words(runs: Sequence[Run]) -> str:
    """What the two numbers say, without statistics."""
    said = []
    for run in runs:
        kind = _KINDS[run.hub_id][0].lower()
        chance = run.chance or 0.0
        if run.value is None:
            said.append(f"the {kind} model gave no answer")
        elif run.low is not None and run.low > chance:
            said.append(
                f"the {kind} model is right in {run.value:.0%} of the scenes, guessing in {chance:.0%}"
            )
        else:
            said.append(
                f"the {kind} model is right in {run.value:.0%}, not to be told from guessing ({chance:.0%})"
            )
    text = "; ".join(said)
    return f"{text[:1].upper()}{text[1:]}."


def _scenes(scenes: Sequence[ShownScene]) -> None:
    st.subheader("Scene by scene", anchor=False)
    st.caption(
        "A tick: right. A number: how near the second answer comes to the first, within one model's answers."
    )
    with st.container(horizontal=True, gap="medium"):
        for scene in scenes:
            with st.container(border=True, width=240):
                st.html(
                    f'<img src="data:image/png;base64,{scene.image}" alt="a drawn scene" width="{_SIDE}" '
                    f'height="{_SIDE}" style="image-rendering: pixelated; border-radius: 4px">'
                )
                st.markdown(f"**{plain(scene.truth)}**")
                for answer in scene.answers:
                    sign = ":material/check:" if answer.is_right else ":material/close:"
                    st.caption(f"{sign} {_KINDS[answer.hub_id][0]}: {plain(_answer(answer, scene.truth))}")


def _answer(answer: Answer, truth: str) -> str:
    """What a model says; of two statements only whether it agrees, as one is the other turned round."""
    best, strength = answer.choices[0]
    if len(answer.choices) == 2:
        undecided = answer.choices[1][1] == strength
        return "both alike" if undecided else "yes" if best == truth else "the other way round"
    second = answer.choices[1:2]
    return best + "".join(f", then {name} ({value:.2f})" for name, value in second)
