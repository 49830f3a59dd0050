"""The Streamlit explorer's entry script: page set-up and navigation. Run it with `vfm-atlas explore`."""

from pathlib import Path

import streamlit as st

from app import theme
from app.parts import plain
from app.views import coverage, home, paper, taxonomy
from graph.errors import AtlasError

st.set_page_config(page_title="VFM Atlas", page_icon=str(Path(__file__).with_name("icon.png")), layout="wide")
theme.apply()
pages = {
    "home": st.Page(home.show, title="Explore", url_path="explore", default=True),
    "taxonomy": st.Page(taxonomy.show, title="Taxonomy", url_path="taxonomy"),
    "coverage": st.Page(coverage.show, title="Data", url_path="data"),
    "paper": st.Page(paper.show, title="Paper", url_path="paper", visibility="hidden"),
}
st.session_state["pages"] = pages
page = st.navigation(list(pages.values()), position="top")
try:
    page.run()
except AtlasError as error:
    st.error(plain(str(error)), icon=":material/error:")
