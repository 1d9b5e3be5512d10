#include "server/api/mime.h"

#include <string.h>
#include <strings.h>

#include "auto.h"

#define UTF8 "; charset=utf-8"
enum kind { ACTIVE, TEXT, MEDIA, BYTES };

static const struct { const char *end, *type; enum kind kind; } types[] = {
	{ ".html", "text/html" UTF8, TEXT }, { ".htm", "text/html" UTF8, TEXT }, { ".xhtml", "application/xhtml+xml", TEXT },
	{ ".css", "text/css" UTF8, TEXT }, { ".js", "text/javascript" UTF8, TEXT }, { ".mjs", "text/javascript" UTF8, TEXT },
	{ ".ts", "text/plain" UTF8, TEXT }, { ".tsx", "text/plain" UTF8, TEXT }, { ".jsx", "text/plain" UTF8, TEXT },
	{ ".json", "application/json" UTF8, TEXT }, { ".jsonl", "application/jsonl" UTF8, TEXT }, { ".map", "application/json" UTF8, TEXT },
	{ ".webmanifest", "application/manifest+json", TEXT }, { ".xml", "application/xml" UTF8, TEXT }, { ".svg", "image/svg+xml", ACTIVE },
	{ ".txt", "text/plain" UTF8, TEXT }, { ".md", "text/markdown" UTF8, TEXT }, { ".csv", "text/csv" UTF8, TEXT },
	{ ".py", "text/x-python" UTF8, TEXT }, { ".toml", "text/plain" UTF8, TEXT }, { ".yaml", "text/yaml" UTF8, TEXT },
	{ ".yml", "text/yaml" UTF8, TEXT }, { ".ini", "text/plain" UTF8, TEXT }, { ".cfg", "text/plain" UTF8, TEXT }, { ".sh", "text/plain" UTF8, TEXT },
	{ ".c", "text/plain" UTF8, TEXT }, { ".h", "text/plain" UTF8, TEXT }, { ".rs", "text/plain" UTF8, TEXT }, { ".go", "text/plain" UTF8, TEXT },
	{ ".glsl", "text/plain" UTF8, TEXT }, { ".vert", "text/plain" UTF8, TEXT }, { ".frag", "text/plain" UTF8, TEXT }, { ".ipynb", "application/json" UTF8, TEXT },
	{ ".gitattributes", "text/plain" UTF8, TEXT }, { ".gitignore", "text/plain" UTF8, TEXT }, { "Dockerfile", "text/plain" UTF8, TEXT },
	{ "LICENSE", "text/plain" UTF8, TEXT }, { ".dockerignore", "text/plain" UTF8, TEXT },
	{ ".png", "image/png", MEDIA }, { ".jpg", "image/jpeg", MEDIA }, { ".jpeg", "image/jpeg", MEDIA }, { ".gif", "image/gif", MEDIA },
	{ ".webp", "image/webp", MEDIA }, { ".avif", "image/avif", MEDIA }, { ".bmp", "image/bmp", MEDIA }, { ".ico", "image/x-icon", MEDIA },
	{ ".mp3", "audio/mpeg", MEDIA }, { ".wav", "audio/wav", MEDIA }, { ".ogg", "audio/ogg", MEDIA }, { ".flac", "audio/flac", MEDIA },
	{ ".m4a", "audio/mp4", MEDIA }, { ".mp4", "video/mp4", MEDIA }, { ".webm", "video/webm", MEDIA }, { ".mov", "video/quicktime", MEDIA },
	{ ".woff", "font/woff", BYTES }, { ".woff2", "font/woff2", BYTES }, { ".ttf", "font/ttf", BYTES }, { ".otf", "font/otf", BYTES },
	{ ".wasm", "application/wasm", BYTES }, { ".pdf", "application/pdf", ACTIVE }, { ".glb", "model/gltf-binary", BYTES },
	{ ".gltf", "model/gltf+json", TEXT }, { ".zip", "application/zip", BYTES }, { ".gz", "application/gzip", BYTES }, { ".onnx", "application/octet-stream", BYTES },
	{ ".bin", "application/octet-stream", BYTES },
};

static int find(const char *path)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < SP_COUNT(types); i++) {
		size_t m = strlen(types[i].end);

		if (n >= m && strcasecmp(path + n - m, types[i].end) == 0)
			return (int)i;
	}
	return -1;
}

const char *mime_of(const char *path)
{
	int i = find(path);

	return i < 0 ? "application/octet-stream" : types[i].type;
}

const char *mime_inert_of(const char *path)
{
	int i = find(path);

	if (i >= 0 && types[i].kind == MEDIA)
		return types[i].type;
	return i >= 0 && types[i].kind == TEXT ? "text/plain" UTF8 : "application/octet-stream";
}
