// Papers per year, and two handles on them that choose the years: by pointer or by keyboard.
import { plural } from "./map_words.js";

const WAIT_MS = 250;

export class Brush {
  constructor(host, onChange) {
    this.host = host;
    this.onChange = onChange;
    this.host.innerHTML = `
      <p class="brush-words"><span></span><button type="button" class="quiet" hidden>All years</button></p>
      <div class="brush-track"><div class="bars" aria-hidden="true"></div><div class="window"></div>
        <div class="handle" role="slider" tabindex="0" aria-label="First year"></div>
        <div class="handle" role="slider" tabindex="0" aria-label="Last year"></div></div>
      <div class="brush-years" aria-hidden="true"></div>`;
    this.words = host.querySelector(".brush-words span");
    this.reset = host.querySelector("button");
    this.track = host.querySelector(".brush-track");
    this.window = host.querySelector(".window");
    this.handles = [...host.querySelectorAll(".handle")];
    this.reset.onclick = () => this.set([this.first, this.last], true);
    this.handles.forEach((handle, side) => {
      handle.onkeydown = (event) => this.key(event, side);
      handle.onpointerdown = (event) => this.drag(event, side);
    });
    this.window.onpointerdown = (event) => this.drag(event, null);
    this.track.onpointerdown = (event) => event.target === this.window || this.jump(event);
  }

  // `years` null is all of them.
  show({ first, all, kept }, years) {
    this.host.hidden = all.length < 2;
    if (this.host.hidden) return;
    const most = Math.max(...all);
    [this.first, this.last] = [first, first + all.length - 1];
    this.years = years ? [this.within(years[0]), this.within(years[1])] : [this.first, this.last];
    this.total = kept.reduce((a, b) => a + b, 0);
    this.kept = kept;
    const bars = all.map((count, at) => {
      const bar = document.createElement("div");
      bar.style.height = `${(100 * count) / most}%`;
      bar.title = `${first + at}: ${plural(count, "paper")}`;
      const fill = document.createElement("div");
      fill.style.height = `${count ? (100 * kept[at]) / count : 0}%`;
      bar.append(fill);
      return bar;
    });
    this.host.querySelector(".bars").replaceChildren(...bars);
    const every = Math.ceil(all.length / 9);
    const labels = all.map((_, at) => {
      const label = document.createElement("span");
      label.textContent = (all.length - 1 - at) % every ? "" : first + at;
      return label;
    });
    this.host.querySelector(".brush-years").replaceChildren(...labels);
    this.paint();
  }

  paint() {
    const size = this.last - this.first + 1;
    const [from, to] = this.years;
    const place = (year) => `${(100 * (year - this.first)) / size}%`;
    this.window.style.left = this.handles[0].style.left = place(from);
    this.window.style.right = `${100 - (100 * (to + 1 - this.first)) / size}%`;
    this.handles[1].style.left = place(to + 1);
    this.handles.forEach((handle, side) => {
      handle.setAttribute("aria-valuemin", side ? from : this.first);
      handle.setAttribute("aria-valuemax", side ? this.last : to);
      handle.setAttribute("aria-valuenow", this.years[side]);
    });
    [...this.host.querySelectorAll(".bars > div")].forEach((bar, at) => {
      bar.classList.toggle("outside", this.first + at < from || this.first + at > to);
    });
    const all = from === this.first && to === this.last;
    const count = this.kept.reduce((sum, papers, at) => {
      return sum + (this.first + at >= from && this.first + at <= to ? papers : 0);
    }, 0);
    this.words.textContent = `Papers per year: ${from === to ? from : `${from} to ${to}`}, ${plural(count, "paper")}`;
    if (this.reset.hidden !== all) this.reset.hidden = all;
  }

  within(year) {
    return Math.min(Math.max(year, this.first), this.last);
  }

  set(years, isFinal) {
    this.years = [Math.min(...years), Math.max(...years)].map((year) => this.within(year));
    this.paint();
    clearTimeout(this.timer);
    const all = this.years[0] === this.first && this.years[1] === this.last;
    this.onChange(all ? null : [...this.years], false);
    const tell = () => this.onChange(all ? null : [...this.years], true);
    if (isFinal) tell();
    else this.timer = setTimeout(tell, WAIT_MS);
  }

  key(event, side) {
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -5, PageUp: 5 };
    const years = [...this.years];
    if (event.key in steps) years[side] += steps[event.key];
    else if (event.key === "Home") years[side] = side ? years[0] : this.first;
    else if (event.key === "End") years[side] = side ? this.last : years[1];
    else if (event.key === "Escape") [years[0], years[1]] = [this.first, this.last];
    else return;
    event.preventDefault();
    event.stopPropagation();
    years[side] = side ? Math.max(years[1], years[0]) : Math.min(years[0], years[1]);
    this.set(years, false);
  }

  yearAt(event) {
    const box = this.track.getBoundingClientRect();
    return this.first + ((event.clientX - box.left) / box.width) * (this.last - this.first + 1);
  }

  drag(event, side) {
    event.preventDefault();
    event.stopPropagation();
    const target = event.target;
    target.setPointerCapture(event.pointerId);
    if (side !== null) target.focus();
    const [begun, years] = [this.yearAt(event), [...this.years]];
    target.onpointermove = (move) => {
      const by = Math.round(this.yearAt(move) - begun);
      let next = side === null ? [years[0] + by, years[1] + by] : [...years];
      if (side === null && (next[0] < this.first || next[1] > this.last)) return;
      if (side === 0) next = [Math.min(years[0] + by, years[1]), years[1]];
      if (side === 1) next = [years[0], Math.max(years[1] + by, years[0])];
      this.set(next, false);
    };
    target.onpointerup = target.onpointercancel = () => {
      target.onpointermove = target.onpointerup = target.onpointercancel = null;
      if (String(years) !== String(this.years)) this.set(this.years, true);
    };
  }

  // A click on a year outside the window brings the nearer handle there.
  jump(event) {
    const year = this.within(Math.floor(this.yearAt(event)));
    const side = Math.abs(year - this.years[0]) <= Math.abs(year - this.years[1]) ? 0 : 1;
    const years = [...this.years];
    years[side] = year;
    this.set(years, true);
  }
}
