"""The explorer's look beyond Streamlit's theme: width, spacing, and links that may break over lines."""

from importlib.resources import files

import streamlit as st

_STYLE = """
<style>
  [data-testid="stMainBlockContainer"] { max-width: 76rem; padding-top: 4.5rem; padding-bottom: 4rem; }
  h1 { padding: 0.25rem 0 0.25rem !important; line-height: 1.2 !important; }
  h2, h3 { padding: 0.6rem 0 0.2rem !important; }
  [role="dialog"] h2 { padding: 1.2rem 1.5rem 0.6rem !important; }
  [data-testid="stMainBlockContainer"] [data-testid="stPageLink-NavLink"] {
    padding: 0; height: auto; }
  /* Streamlit pulls links that stand in a column closer together than a finger can tell apart. */
  [data-testid="stElementContainer"]:has(> [data-testid="stPageLink"]) { margin: 0.05rem 0; }
  [data-testid="stMainBlockContainer"] [data-testid="stPageLink-NavLink"]:not(:hover, :focus-visible) {
    background: transparent; }
  [data-testid="stPageLink-NavLink"] span,
  [data-testid="stPageLink-NavLink"] p {
    white-space: normal; overflow: visible; font-weight: 400; line-height: 1.3; }
  /* Streamlit marks the link that has the focus by a grey that is hardly there. */
  [data-testid="stPageLink-NavLink"]:focus-visible, [data-testid="stTopNavLink"]:focus-visible {
    outline: 2px solid light-dark(#3451b2, #9eb1ff); outline-offset: 1px; }
  .st-key-examples, .st-key-gaps, .st-key-questions { row-gap: 0; }
  .st-key-checkpoints { gap: 0.5rem; }
  .st-key-examples button p { text-decoration: underline; }
  [data-testid="stPageLink-NavLink"]:hover p { text-decoration: underline; }
  .st-key-mentions [data-testid="stLinkButton"] a,
  .st-key-versions [data-testid="stLinkButton"] a { min-height: 0; padding: 0; text-align: left; }
  /* Streamlit writes white on the primary colour, which in the dark is a light one. */
  [data-testid="stBaseButton-primary"]:not(:disabled) { color: light-dark(#ffffff, #14161a); }
  /* Streamlit's own grey of captions and small words is a little too light to be read by everyone. */
  [data-testid="stCaptionContainer"], [data-testid="stCaptionContainer"] :is(p, li, small) {
    color: light-dark(#5c6067, #a9adb3); opacity: 1; }
  [class*="st-key-below-"] { padding-left: 1.1rem; }
  /* The first page: the map needs room, and is to be seen without scrolling. */
  [data-testid="stMainBlockContainer"]:has(.st-key-explore) { max-width: 96rem; padding-top: 3.6rem; }
  [data-testid="stMainBlockContainer"]:has(.st-key-explore) > [data-testid="stVerticalBlock"] { gap: 0.6rem; }
  .st-key-opening h1 { font-size: 1.6rem; padding: 0 0 0.7rem !important; }
  .st-key-opening [data-testid="stMarkdown"] p { font-size: 0.875rem; }
  .st-key-card { gap: 0.6rem; }
  .st-key-controls > [data-testid="stElementContainer"]:has([data-testid="stTextInput"]) { min-width: 18rem; }
  .st-key-examples button { min-height: 1.7rem; }
  .st-key-explore h3 { padding: 0 0 0.5rem !important; }
  .st-key-explore h3 span[style] { font-weight: 400; opacity: 0.8; }
  /* Streamlit fades what a run has not reached yet, which on every letter typed would be a flicker. */
  .st-key-explore [data-stale="true"] { opacity: 1 !important; }
  /* While a list of results is longer than the map, the map stays in view. */
  @media (min-width: 40rem) and (min-height: 48rem) {
    .st-key-explore:has(.st-key-results) [data-testid="stColumn"]:first-child {
      position: sticky; top: 3.75rem; align-self: flex-start; }
  }
  @media (max-width: 40rem) {
    /* What was found is what a person who typed wants to see first. */
    .st-key-explore:has(.st-key-results) [data-testid="stColumn"]:first-child { order: 1; }
    .st-key-examples > :nth-child(n + 3) { display: none; }
    .st-key-controls > [data-testid="stElementContainer"]:has([data-testid="stTextInput"]) {
      min-width: 100%; }
  }
  .st-key-explore [class*="st-key-choose-"] button {
    justify-content: flex-start; min-height: 1.65rem; padding: 0.1rem 0; text-align: left; }
  .st-key-explore [class*="st-key-choose-"] button > div { justify-content: flex-start; }
  .st-key-explore [class*="st-key-choose-"] button:hover p { text-decoration: underline; }
</style>
"""


def apply() -> None:
    """Add the style to the page, the mending of its history, and the keys of the search."""
    scripts = (files("app.components") / name for name in ("history.js", "search_keys.js"))
    script = "\n".join(each.read_text(encoding="utf-8") for each in scripts)
    st.html(f"{_STYLE}<script>{script}</script>", unsafe_allow_javascript=True)
