import streamlit as st

st.set_page_config(page_title="Streamlit hello", page_icon="🎈")
st.title("🎈 Streamlit hello")

name = st.text_input("Your name", "world")
st.write(f"Hello {name}!")

clicks = st.session_state.setdefault("clicks", [0])
if st.button("Count"):
    clicks.append(clicks[-1] + 1)
st.write(f"Counted to {clicks[-1]}.")
st.line_chart(clicks)
