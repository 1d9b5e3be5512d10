// <vt-drop> in a form: files and whole folders can be dropped on it, and the upload shows how far it is.
// Without this script its file fields do the same without the bar.
const read = (entry) => new Promise((done, failed) => entry.file(done, failed));
const list = (reader) => new Promise((done, failed) => reader.readEntries(done, failed));

async function* walk(entry, path) {
	if (entry.isFile) {
		yield [path + entry.name, await read(entry)];
		return;
	}
	const reader = entry.createReader();
	for (let some = await list(reader); some.length; some = await list(reader))     // a hundred at a time
		for (const one of some) yield* walk(one, `${path}${entry.name}/`);
}

customElements.define("vt-drop", class extends HTMLElement {
	#files = [];
	#list = document.createElement("ul");
	#bar = document.createElement("progress");
	#said = document.createElement("p");

	connectedCallback() {
		const form = this.closest("form");
		this.#bar.hidden = true;
		this.#bar.max = 1;
		this.#bar.setAttribute("aria-label", "Upload");
		this.#said.className = "note";
		this.#said.setAttribute("role", "status");
		this.#list.tabIndex = 0;
		this.#list.setAttribute("aria-label", "Dropped files");
		this.#list.hidden = true;
		this.append(this.#list, this.#said, this.#bar);
		for (const hint of this.querySelectorAll(".hint[hidden]")) hint.hidden = false;
		this.addEventListener("dragover", (event) => {
			event.preventDefault();
			this.classList.add("over");
		});
		this.addEventListener("dragleave", () => this.classList.remove("over"));
		this.addEventListener("drop", (event) => {
			event.preventDefault();
			this.classList.remove("over");
			this.#add([...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean));
		});
		form.addEventListener("submit", (event) => {
			event.preventDefault();
			this.#send(form, event.submitter);
		});
	}

	async #add(entries) {
		const field = entries.length === 1 && entries[0].isDirectory ? "folder" : "file";
		try {
			for (const entry of entries)
				for await (const [path, file] of walk(entry, "")) this.#files.push({ field, path, file });
		} catch {
			this.#said.textContent = "Some of these files could not be read. Choose them with the buttons instead.";
		}
		this.#list.replaceChildren(...this.#files.slice(0, 500).map(({ path }) => {
			const line = document.createElement("li");
			line.textContent = path;
			return line;
		}));
		this.#list.hidden = !this.#files.length;
		this.#said.textContent = `${this.#files.length} ${this.#files.length === 1 ? "file is" : "files are"} ready to be sent.`;
	}

	#send(form, button) {
		const data = new FormData(form), request = new XMLHttpRequest();
		for (const { field, path, file } of this.#files) data.append(field, file, path);
		if (button) button.disabled = true;
		this.#bar.hidden = false;
		request.upload.addEventListener("progress", (event) => {
			if (event.lengthComputable) this.#bar.value = event.loaded / event.total;
		});
		request.addEventListener("load", () => {
			if (request.status < 400) {
				location.href = request.responseURL;
				return;
			}
			const main = new DOMParser().parseFromString(request.responseText, "text/html").getElementById("main");
			if (main) document.getElementById("main").replaceWith(document.importNode(main, true));
			document.querySelector("[role=alert]")?.focus();
		});
		request.addEventListener("error", () => {
			if (button) button.disabled = false;
			this.#bar.hidden = true;
			this.#said.textContent = "The server could not be reached. Nothing was changed; try again.";
		});
		request.open("POST", form.action);
		request.setRequestHeader("accept", "text/html");
		request.send(data);
	}
});
