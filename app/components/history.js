// Streamlit moves to a page with parameters in two steps, first the parameters, then the path, and each leaves
// an entry in the browser's history: Back would stop at an address that belongs to no page. The second step
// therefore takes the first one's place. Parameters that one press changes arrive one by one, too: together they are
// one step.
if (!window.vfmAtlasHistory) {
  window.vfmAtlasHistory = true;
  const TOGETHER_MS = 2000;
  const AT_ONCE_MS = 40;
  const push = history.pushState.bind(history);
  let lastSearch = "";
  let lastTime = 0;
  history.pushState = (state, title, url) => {
    const { pathname, search } = new URL(url, location.href);
    const continues =
      search !== "" && search === lastSearch && pathname !== location.pathname && Date.now() - lastTime < TOGETHER_MS;
    const isSamePress = pathname === location.pathname && Date.now() - lastTime < AT_ONCE_MS;
    if (continues || isSamePress) history.replaceState(state, title, url);
    else push(state, title, url);
    lastSearch = search;
    lastTime = Date.now();
  };
}
