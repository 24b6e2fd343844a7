// A server with github.com/rs/cors, set up in a way that its argument names.
package main

import (
	"fmt"
	"net/http"
	"os"

	"github.com/rs/cors"
)

func main() {
	configurations := map[string]cors.Options{
		"listed": {
			AllowedOrigins:   []string{"https://app.example.com"},
			AllowedMethods:   []string{"GET", "PUT"},
			AllowedHeaders:   []string{"Content-Type"},
			AllowCredentials: true,
			MaxAge:           600,
		},
		// Written to "make it work" with credentials, where * does not.
		"func-always-true": {
			AllowOriginFunc:  func(origin string) bool { return true },
			AllowedMethods:   []string{"GET", "PUT"},
			AllowedHeaders:   []string{"*"},
			AllowCredentials: true,
		},
	}
	options, known := configurations[os.Args[1]]
	if !known {
		fmt.Fprintln(os.Stderr, "no such configuration:", os.Args[1])
		os.Exit(2)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/items", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("ETag", `"1"`)
		if r.Header.Get("If-None-Match") == `"1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprint(w, `{"items": []}`)
	})
	err := http.ListenAndServe("127.0.0.1:"+os.Args[2], cors.New(options).Handler(mux))
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
