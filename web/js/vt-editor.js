// <vt-editor> around a <textarea>: Tab indents, Enter keeps the indentation, Ctrl+S commits, a closing tab asks first.
// Escape lets the next Tab leave the field: nobody is caught in it (WCAG 2.1.2).
customElements.define("vt-editor", class extends HTMLElement {
	connectedCallback() {
		const area = this.querySelector("textarea"), form = this.closest("form"), first = area.value;
		let free = false, sent = false;
		const unit = /^\t/m.test(first) ? "\t" : "    ";
		const type = (text) => document.execCommand("insertText", false, text);         // the one way that undo knows of

		for (const hint of this.querySelectorAll("[hidden]")) hint.hidden = false;
		area.addEventListener("blur", () => { free = false; });
		area.addEventListener("keydown", (event) => {
			if (event.key === "Escape") {
				free = true;
			} else if (event.key === "Tab" && !event.shiftKey && !event.ctrlKey && !event.altKey && !free) {
				event.preventDefault();
				type(unit);
			} else if (event.key === "Enter" && !event.isComposing) {
				const line = area.value.slice(area.value.lastIndexOf("\n", area.selectionStart - 1) + 1, area.selectionStart);
				const indent = /^[ \t]*/.exec(line)[0];
				if (indent) {
					event.preventDefault();
					type(`\n${indent}`);
				}
			} else if (event.key === "s" && (event.ctrlKey || event.metaKey)) {
				event.preventDefault();
				form.requestSubmit();
			}
		});
		form.addEventListener("submit", () => { sent = true; });
		addEventListener("beforeunload", (event) => {
			if (!sent && area.value !== first) event.preventDefault();
		});
	}
});
