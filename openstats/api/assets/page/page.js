// What page.css cannot reach, because it is in the root of the script's own element: the path "/"
// is shown as nothing at all.
await customElements.whenDefined("openapi-explorer");
const sheet = new CSSStyleSheet();
sheet.replaceSync('#link-get-\\/ .mono-font > div:last-child::after { content: "/"; }');
document.querySelector("openapi-explorer").shadowRoot.adoptedStyleSheets.push(sheet);
