// <vt-log data-src="/api/…/logs/run"><pre role="log">lines known so far</pre></vt-log>: the rest, as it is written.
// Every connection replays the log from its beginning, so the server's lines are exchanged for the stream's.
const LINES_MAX = 20000, BLOCK = 500, RETRY_MS = 1000, RETRY_MAX_MS = 15000;

// The twin of server/pages/ansi.c: colours become classes, every other thing that a terminal obeys is dropped.
const token = /\x1b\[([0-?]*)([ -/]*)([@-~]?)|\x1b([\]PX^_])([^\x07\x1b]*)(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?|\r|[^\x1b\r]+/g;
const rgb16 = ["000000", "cd0000", "00cd00", "cdcd00", "0000ee", "cd00cd", "00cdcd", "e5e5e5", "7f7f7f", "ff0000", "00ff00", "ffff00", "5c5cff", "ff00ff", "00ffff", "ffffff"]
	.map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));
const level = [0, 95, 135, 175, 215, 255];

function nearest(...c) {
	const far = rgb16.map((k) => k.reduce((sum, x, i) => sum + (x - c[i]) ** 2, 0));
	return far.indexOf(Math.min(...far));
}

function of256(n) {
	if (n > 255) return 0;
	if (n < 16) return n;
	if (n >= 232) return nearest(...Array(3).fill(8 + (n - 232) * 10));
	return nearest(level[Math.floor((n - 16) / 36)], level[Math.floor((n - 16) / 6) % 6], level[(n - 16) % 6]);
}

class Ansi {
	#style = {};

	#sgr(text) {
		const p = text.split(/[;:]/).map(Number), colons = text.includes(":");
		for (let i = 0; i < p.length; i++) {
			const c = p[i], s = this.#style;
			if (c === 0) this.#style = {};
			else if (c === 1) s.strong = true;
			else if (c === 2) s.dim = true;
			else if (c === 22) s.strong = s.dim = false;
			else if (c === 3 || c === 23) s.italic = c === 3;
			else if (c === 4 || c === 24) s.under = c === 4;
			else if (c === 7 || c === 27) s.inverse = c === 7;
			else if (c >= 30 && c <= 37) s.fg = c - 30;
			else if (c >= 90 && c <= 97) s.fg = c - 82;
			else if (c >= 40 && c <= 47) s.bg = c - 40;
			else if (c >= 100 && c <= 107) s.bg = c - 92;
			else if (c === 39) delete s.fg;
			else if (c === 49) delete s.bg;
			else if (c === 38 || c === 48) {
				const key = c === 38 ? "fg" : "bg";
				let at = i + 2;
				if (p[i + 1] === 5 && at < p.length) {
					s[key] = of256(p[at]);
					i = at;
				} else if (p[i + 1] === 2) {
					if (colons && at + 3 < p.length) at++;
					if (at + 2 < p.length) s[key] = nearest(p[at] & 255, p[at + 1] & 255, p[at + 2] & 255);
					i = at + 2;
				}
			}
		}
	}

	#classes() {
		const s = this.#style, [fg, bg] = s.inverse ? [s.bg, s.fg] : [s.fg, s.bg], all = [];
		if (s.inverse && bg === undefined) all.push("a-inverse");
		if (fg !== undefined) all.push(`a-f${fg}`);
		if (bg !== undefined) all.push(`a-b${bg}`);
		for (const name of ["strong", "dim", "italic", "under"]) if (s[name]) all.push(`a-${name}`);
		return all.join(" ");
	}

	// What to show of one line, as nodes.
	line(text) {
		let nodes = [], link = null;
		const put = (node) => (link ? link.append(node) : nodes.push(node));
		for (const [all, params, between, final, kind, body] of text.replace(/[\r\n]+$/, "").matchAll(token)) {
			if (all === "\r") {
				nodes = [];
				link = null;
			} else if (all[0] !== "\x1b") {
				const shown = all.replace(/[\0-\x08\n-\x1f\x7f]/g, ""), classes = this.#classes();
				if (!shown) continue;
				if (classes) {
					const span = document.createElement("span");
					span.className = classes;
					span.textContent = shown;
					put(span);
				} else {
					put(document.createTextNode(shown));
				}
			} else if (final === "m" && !between && /^[0-9;:]*$/.test(params)) {
				this.#sgr(params);
			} else if (kind === "]" && body.startsWith("8;")) {
				const url = body.slice(body.indexOf(";", 2) + 1);
				link = null;
				if (/^https?:\/\//i.test(url) && url.length <= 2000) {
					const a = document.createElement("a");
					Object.assign(a, { href: url, rel: "noopener noreferrer nofollow", target: "_blank" });
					nodes.push(link = a);
				}
			}
		}
		return nodes;
	}
}

async function* eventsOf(body) {
	const reader = body.pipeThrough(new TextDecoderStream()).getReader();
	let rest = "";
	for (;;) {
		const { value, done } = await reader.read();
		if (done) return;
		const lines = (rest + value).split("\n");
		rest = lines.pop();
		yield lines.filter((l) => l.startsWith("data: {")).map((l) => JSON.parse(l.slice(6)));
	}
}

customElements.define("vt-log", class extends HTMLElement {
	#stop;
	#pre;
	#queue = [];
	#ansi = new Ansi();
	#count = 0;     // lines that came
	#block = null;
	#drawing = false;
	#follow = true;
	#ended = false;
	#fresh = true;
	#wait = RETRY_MS;

	connectedCallback() {
		this.#pre = this.querySelector("pre");
		this.#pre.addEventListener("scroll", () => {
			this.#follow = this.#pre.scrollTop + this.#pre.clientHeight >= this.#pre.scrollHeight - 24;
		}, { passive: true });
		if (location.hash.startsWith("#L")) this.#follow = false;
		else this.#pre.scrollTop = this.#pre.scrollHeight;
		this.#pre.addEventListener("click", (event) => {        // a click on a line's number makes its link
			const line = event.target;
			if (!line.matches(".numbered .l") || event.offsetX > 54) return;
			history.replaceState(null, "", `#${line.id}`);
			this.#mark();
		});
		document.addEventListener("vt-change", this);
		this.#read();
	}

	disconnectedCallback() {
		document.removeEventListener("vt-change", this);
		this.#stop?.abort();
	}

	// The Space entered another state: an ended log may have a successor.
	handleEvent() {
		if (this.#ended) this.#read();
	}

	async #read() {
		const stop = this.#stop = new AbortController();
		this.#ended = false;
		this.#fresh = true;
		this.#queue = [];       // not drawn yet: it comes again
		try {
			const answer = await fetch(this.dataset.src, { headers: { accept: "text/event-stream" }, signal: stop.signal, cache: "no-store" });
			if (!answer.ok) return;
			for await (const events of eventsOf(answer.body)) {
				this.#queue.push(...events.map((e) => e.data));
				this.#wait = RETRY_MS;
				if (!this.#drawing && this.#queue.length) {
					this.#drawing = true;
					setTimeout(() => this.#draw(), 30);
				}
			}
			this.#ended = true;
		} catch {
			if (stop.signal.aborted) return;
			setTimeout(() => this.isConnected && this.#read(), this.#wait);
			this.#wait = Math.min(this.#wait * 2, RETRY_MAX_MS);
		}
	}

	#mark(scrolls) {
		const line = location.hash.startsWith("#L") ? document.getElementById(location.hash.slice(1)) : null;
		this.#pre.querySelector(".hit")?.classList.remove("hit");
		line?.classList.add("hit");
		if (scrolls) line?.scrollIntoView({ block: "center" });
		return line;
	}

	#draw() {
		this.#drawing = false;
		if (!this.#queue.length) return;
		if (this.#fresh) {
			this.#pre.textContent = "";
			this.#block = null;
			this.#count = 0;
			this.#ansi = new Ansi();
		}
		const waits = this.#fresh || (!this.#follow && location.hash.startsWith("#L") && !this.#pre.querySelector(".hit"));
		this.#fresh = false;
		for (const text of this.#queue) {
			const line = document.createElement("span");
			line.className = "l";
			line.id = `L${++this.#count}`;
			line.dataset.n = this.#count;
			for (const node of this.#ansi.line(text)) line.append(node);
			line.append("\n");
			if (!this.#block || this.#block.childElementCount >= BLOCK) {
				this.#block = document.createElement("span");
				this.#block.className = "lines";
				this.#pre.append(this.#block);
			}
			this.#block.append(line);
		}
		this.#queue = [];
		while (this.#pre.childElementCount > LINES_MAX / BLOCK) this.#pre.firstElementChild.remove();
		if (waits) this.#mark(true);
		if (this.#follow) this.#pre.scrollTop = this.#pre.scrollHeight;
	}
});
