"""The Streamlit explorer's entry script: page set-up and navigation. Run it with `vfm-atlas explore`."""

from pathlib import Path

import streamlit as st

from app import theme
from app.linked import say_snapshot
from app.navigation import in_sections, make_pages
from app.parts import plain
from graph.errors import AtlasError

st.set_page_config(page_title="VFM Atlas", page_icon=str(Path(__file__).with_name("icon.png")), layout="wide")
theme.apply()
pages = make_pages()
st.session_state["pages"] = pages
page = st.navigation(in_sections(pages), position="top")
try:
    say_snapshot()
    page.run()
except AtlasError as error:
    st.error(plain(str(error)), icon=":material/error:")
