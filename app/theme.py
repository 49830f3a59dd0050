"""The explorer's look beyond Streamlit's theme: width, spacing, and links that may break over lines."""

from importlib.resources import files

import streamlit as st

_STYLE = """
<style>
  [data-testid="stMainBlockContainer"] { max-width: 76rem; padding-top: 4.5rem; padding-bottom: 4rem; }
  h1 { padding: 0.25rem 0 0.25rem !important; line-height: 1.2 !important; }
  h2, h3 { padding: 0.6rem 0 0.2rem !important; }
  [data-testid="stMainBlockContainer"] [data-testid="stPageLink-NavLink"] {
    padding: 0; height: auto; }
  /* Streamlit pulls links that stand in a column closer together than a finger can tell apart. */
  [data-testid="stElementContainer"]:has(> [data-testid="stPageLink"]) { margin: 0.05rem 0; }
  [data-testid="stMainBlockContainer"] [data-testid="stPageLink-NavLink"]:not(:hover, :focus-visible) {
    background: transparent; }
  [data-testid="stPageLink-NavLink"] span,
  [data-testid="stPageLink-NavLink"] p {
    white-space: normal; overflow: visible; font-weight: 400; line-height: 1.3; }
  .st-key-examples, .st-key-gaps { row-gap: 0; }
  .st-key-examples button p { text-decoration: underline; }
  [data-testid="stPageLink-NavLink"]:hover p { text-decoration: underline; }
  .st-key-mentions [data-testid="stLinkButton"] a,
  .st-key-versions [data-testid="stLinkButton"] a { min-height: 0; padding: 0; text-align: left; }
  /* Streamlit writes white on the primary colour, which in the dark is a light one. */
  [data-testid="stBaseButton-primary"]:not(:disabled) { color: light-dark(#ffffff, #14161a); }
  .st-key-results [data-testid="stPageLink-NavLink"] p { font-size: 1.05rem; }
  [class*="st-key-below-"] { padding-left: 1.1rem; }
</style>
"""


def apply() -> None:
    """Add the style to the page, and the mending of its history."""
    script = (files("app.components") / "history.js").read_text(encoding="utf-8")
    st.html(f"{_STYLE}<script>{script}</script>", unsafe_allow_javascript=True)
