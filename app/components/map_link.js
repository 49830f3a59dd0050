// The link between the server and a map (map_view.js): what is chosen, in both directions.
export default function ({ data, setTriggerValue }) {
  const hub = (window.vfmAtlasMaps ??= { views: {}, states: {}, links: {}, cameras: {}, seqs: {} });
  const state = JSON.parse(data.state);
  const send = (choice) => setTriggerValue("chosen", choice);
  hub.states[state.map] = state;
  hub.links[state.map] = send;
  hub.views[state.map]?.show(state);
  return () => {
    if (hub.links[state.map] !== send) return;
    delete hub.links[state.map];
    delete hub.states[state.map];
  };
}
