import pathlib
import tempfile

import gradio as gr


def greet(name: str) -> str:
    return f"Hello {name}!"


def spell(name: str):
    text = ""
    for letter in f"Hello {name}!":
        text += letter
        yield text


def shout(path: str) -> str:
    out = pathlib.Path(tempfile.mkdtemp()) / "shout.txt"
    out.write_text(pathlib.Path(path).read_text().upper())
    return str(out)


with gr.Blocks(title="Gradio hello") as demo:
    gr.Markdown("# 👋 Gradio hello")
    name = gr.Textbox(label="Your name", value="world")
    answer = gr.Textbox(label="Answer")
    with gr.Row():
        gr.Button("Greet", variant="primary").click(greet, name, answer, api_name="greet")
        gr.Button("Spell it").click(spell, name, answer, api_name="spell")
    with gr.Row():
        file_in = gr.File(label="A text file", type="filepath")
        file_out = gr.File(label="The same, louder")
    file_in.upload(shout, file_in, file_out, api_name="shout")

demo.launch()
