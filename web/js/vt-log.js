// <vt-log data-src="/api/…/logs/run"><pre role="log">lines known so far</pre></vt-log>: the rest, as it is written.
// Every connection replays the log from its beginning, so the server's lines are exchanged for the stream's.
const LINES_MAX = 20000, RETRY_MS = 1000, RETRY_MAX_MS = 15000;
const ansi = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;

function plain(text) {
	const line = text.replace(ansi, "").replace(/[\r\n]+$/, "");
	return line.slice(line.lastIndexOf("\r") + 1);
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
		this.#pre.scrollTop = this.#pre.scrollHeight;
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
				this.#queue.push(...events.map((e) => plain(e.data)));
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

	#draw() {
		this.#drawing = false;
		if (!this.#queue.length) return;
		if (this.#fresh) this.#pre.textContent = "";
		this.#fresh = false;
		if (this.#queue.length > LINES_MAX) this.#queue.splice(0, this.#queue.length - LINES_MAX);
		const text = document.createTextNode(this.#queue.join("\n") + "\n");
		text.lines = this.#queue.length;
		this.#queue = [];
		this.#pre.append(text);
		let count = 0;
		for (const node of this.#pre.childNodes) count += node.lines;
		while (count > LINES_MAX && this.#pre.childNodes.length > 1) {
			count -= this.#pre.firstChild.lines;
			this.#pre.firstChild.remove();
		}
		if (this.#follow) this.#pre.scrollTop = this.#pre.scrollHeight;
	}
});
