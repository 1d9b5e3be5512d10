// <vt-copy><pre>command</pre></vt-copy>: a button that copies the text; [data-copy] instead of pre is copied unseen.
customElements.define("vt-copy", class extends HTMLElement {
	connectedCallback() {
		if (!navigator.clipboard || this.querySelector("button")) return;
		const button = document.createElement("button");
		button.type = "button";
		button.className = "quiet";
		button.textContent = "Copy";
		button.addEventListener("click", async () => {
			try {
				await navigator.clipboard.writeText(this.querySelector("pre, [data-copy]").textContent);
				button.textContent = "Copied";
			} catch {
				getSelection().selectAllChildren(this.querySelector("pre, [data-copy]"));
				button.textContent = "Selected";
			}
			setTimeout(() => { button.textContent = "Copy"; }, 1500);
		});
		this.append(button);
	}
});
