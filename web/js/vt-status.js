// One event stream a page. An event says that something changed; the page is fetched again and the parts marked
// data-live are exchanged. A part whose data-keep is unchanged stays: the app's frame is not reloaded.
const HIDDEN_MS = 30000;

function exchange(fresh) {
	for (const part of document.querySelectorAll("[data-live][id]")) {
		const next = fresh.getElementById(part.id);
		if (!next || next.outerHTML === part.outerHTML) continue;
		if (next.dataset.keep && next.dataset.keep === part.dataset.keep) {
			const newer = document.getElementById("newer");
			if (newer) newer.hidden = part.dataset.keep !== "app" || next.dataset.version === part.dataset.version;
			continue;
		}
		if (part.contains(document.activeElement) && next.textContent === part.textContent) continue;
		part.replaceWith(document.importNode(next, true));
	}
	const icon = document.querySelector("link[rel=icon]"), freshIcon = fresh.querySelector("link[rel=icon]");
	if (icon && freshIcon && icon.getAttribute("href") !== freshIcon.getAttribute("href")) icon.replaceWith(document.importNode(freshIcon, true));
	document.title = fresh.title;
	const said = document.getElementById("announce"), say = fresh.getElementById("announce");
	if (said && say && said.dataset.text !== say.dataset.text) {
		said.dataset.text = say.dataset.text;
		said.textContent = say.dataset.text;
	}
}

customElements.define("vt-status", class extends HTMLElement {
	#source;
	#hidden;
	#busy = false;
	#again = false;

	connectedCallback() {
		this.#open();
		document.addEventListener("visibilitychange", this);
		addEventListener("pagehide", this);
	}

	disconnectedCallback() {
		document.removeEventListener("visibilitychange", this);
		removeEventListener("pagehide", this);
		this.#close();
	}

	handleEvent(event) {
		clearTimeout(this.#hidden);
		if (event.type === "pagehide") this.#close();
		else if (document.hidden) this.#hidden = setTimeout(() => this.#close(), HIDDEN_MS);
		else if (!this.#source) this.#open();
	}

	#open() {
		this.#source = new EventSource(`/-/events?topics=${encodeURIComponent(this.dataset.topics)}`);
		this.#source.addEventListener("space", () => this.#changed());
	}

	#close() {
		this.#source?.close();
		this.#source = null;
	}

	async #changed() {
		if (this.#busy) {
			this.#again = true;
			return;
		}
		this.#busy = true;
		do {
			this.#again = false;
			try {
				const answer = await fetch(location.href, { headers: { accept: "text/html" }, cache: "no-store" });
				if (answer.ok) {
					exchange(new DOMParser().parseFromString(await answer.text(), "text/html"));
					document.dispatchEvent(new Event("vt-change"));
				}
			} catch {
				// The server is away; the stream comes back with the newest state.
			}
		} while (this.#again);
		this.#busy = false;
	}
});
