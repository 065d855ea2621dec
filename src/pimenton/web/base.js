// The data of a page that is one file, with its texts in every language.
const data = JSON.parse(document.getElementById("data").textContent);
text = data.texts[data.lang];
format = createFormats(data.lang);
