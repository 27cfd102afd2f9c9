// Draws the map of a file: library, tiles and areas are elements of the page.

const text = (id) => document.getElementById(id).textContent;
const address = (id) => URL.createObjectURL(new Blob([text(id)], { type: "text/javascript" }));

const maplibre = await import(address("maplibre"));
const { draw } = await import(address("drawing"));
maplibre.setWorkerUrl(address("worker"));

const tiles = JSON.parse(text("tiles"));
const map = JSON.parse(text("data"));
const element = document.getElementById("map");
const chosen = document.getElementById("chosen");

maplibre.addProtocol("tile", async ({ url }) => {
  const packed = tiles[url.replace("tile://", "")];
  return { data: packed ? await unpacked(packed) : new ArrayBuffer(0) };
});

async function unpacked(packed) {
  const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(plain).arrayBuffer();
}

draw(maplibre, element, {
  ...map,
  tiles: ["tile://{z}/{x}/{y}"],
  mostZoom: map.most_zoom,
  open: (pipeId) => {
    chosen.textContent = `Main ${pipeId}. ${map.explained[pipeId] ?? "Its reasons are not in this file."}`;
  },
});
