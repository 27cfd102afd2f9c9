// Draws the map of a page from what its element says.

import * as maplibre from "./vendor/maplibre-gl/maplibre-gl.mjs";
import { draw } from "./map.js";

const element = document.getElementById("map");
const said = element.dataset;
draw(maplibre, element, {
  tiles: [new URL(said.tiles, location.href).href.replaceAll("%7B", "{").replaceAll("%7D", "}")],
  mostZoom: Number(said.mostZoom),
  layers: JSON.parse(said.layers),
  areas: said.areas,
  marked: said.marked || undefined,
  bounds: JSON.parse(said.bounds),
  open: (pipeId) => location.assign(said.main.replace("PIPE_ID", encodeURIComponent(pipeId))),
});
