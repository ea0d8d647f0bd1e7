"""`python -m app`: run the server. Detector workers re-import this module, so it stays light."""

if __name__ == "__main__":
    import sys

    from app.web.server import main

    sys.exit(main())
